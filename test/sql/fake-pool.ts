/**
 * Fake pool: stands for a pool of node-postgres in unit tests, which decide when the server answers and when a cancel arrives.
 *
 * @module
 */

import type { SqlResult } from '@holdfast/sql';

/** What a server says of a statement that it refuses. */
export function serverError(code: string, severity = 'ERROR'): Error {
  return Object.assign(new Error(`the server says ${code}`), { code, severity });
}

/** A pool with one client. */
export class FakePool {
  readonly options = {};
  readonly client: FakeClient = new FakeClient();
  /** Connections of cancel requests, in the order in which they were made. */
  readonly requests: FakeRequest[] = [];
  readonly Client: new () => object;
  /** Whether `connect()` waits for {@link serve}. */
  isExhausted = false;
  readonly #waiting: (() => void)[] = [];

  constructor() {
    const { requests } = this;
    this.Client = class {
      readonly host = '127.0.0.1';
      readonly port = 5432;
      readonly ssl = false;
      readonly connection = new FakeRequest();
      constructor() {
        requests.push(this.connection);
      }
    };
  }

  async connect(): Promise<FakeClient> {
    if (this.isExhausted) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.client.isOut = true;
    return this.client;
  }

  /** Gives the client to those who wait. */
  serve(): void {
    this.isExhausted = false;
    for (const go of this.#waiting.splice(0)) go();
  }
}

type Answer = (error: unknown, result?: SqlResult<never>) => void;

/** A client whose statements are answered by the test. */
export class FakeClient {
  processID: number | undefined = 7;
  secretKey: number | undefined = 42;
  isOut = false;
  status = 'I';
  /** Texts of what was sent, in order. */
  readonly sent: string[] = [];
  /** What the pool was told at each release: undefined where the client is well. */
  readonly releases: unknown[] = [];
  /** Answers by itself, where it returns true. */
  automatic: (text: string) => boolean = () => false;
  readonly #pending: { readonly text: string; readonly answer: Answer }[] = [];
  readonly #listeners = new Set<(error: Error) => void>();

  get listenerCount(): number {
    return this.#listeners.size;
  }

  query(statement: { readonly text: string }, answer: Answer): void {
    this.sent.push(statement.text);
    this.#pending.push({ text: statement.text, answer });
    if (this.automatic(statement.text)) this.answer(statement.text.split(' ')[0]);
  }

  /** Answers the oldest statement. */
  answer(command = 'SELECT', rows: readonly object[] = []): void {
    const { text, answer } = this.#next();
    if (/^begin\b/i.test(text)) this.status = 'T';
    if (/^(commit|rollback)$/i.test(text)) this.status = 'I';
    answer(null, { command, rows: rows as never[], rowCount: rows.length, fields: [] });
  }

  /** Refuses the oldest statement, or loses it. */
  fail(error: unknown): void {
    this.#next().answer(error);
  }

  /** The connection breaks. */
  breakDown(error: Error): void {
    for (const listener of this.#listeners) listener(error);
  }

  release(destroy?: unknown): void {
    this.isOut = false;
    this.releases.push(destroy);
  }

  getTransactionStatus(): string {
    return this.status;
  }

  on(_event: 'error', listener: (error: Error) => void): void {
    this.#listeners.add(listener);
  }

  off(_event: 'error', listener: (error: Error) => void): void {
    this.#listeners.delete(listener);
  }

  #next(): { readonly text: string; readonly answer: Answer } {
    const next = this.#pending.shift();
    if (next === undefined) throw new Error('no statement is under way');
    return next;
  }
}

/** The connection of a cancel request. */
export class FakeRequest {
  /** What was asked, once the connection stood. */
  asked: readonly [processId: number, secret: number] | undefined;
  isDestroyed = false;
  readonly stream = { destroy: (): void => this.#destroy() };
  readonly #listeners = new Map<string, () => void>();

  on(event: string, listener: () => void): void {
    this.#listeners.set(event, listener);
  }

  connect(): void {
    this.#listeners.get('connect')?.();
  }

  requestSsl(): void {
    this.#listeners.get('sslconnect')?.();
  }

  cancel(processId: number, secret: number): void {
    this.asked = [processId, secret];
  }

  /** The server has done what it was asked to, and closes. */
  close(): void {
    this.#listeners.get('end')?.();
  }

  fail(): void {
    this.#listeners.get('error')?.();
  }

  #destroy(): void {
    this.isDestroyed = true;
    this.close();
  }
}
