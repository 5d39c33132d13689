/**
 * Connection: a client checked out of the pool, on which statements run one after the other.
 *
 * Invariants
 *  (1) One statement at a time: the next is sent when the one before is over, and no request to stop it is under way.
 *  (2) It is given back once, when all is over and no transaction is open; after a statement was stopped only when it has
 *      answered again.
 *  (3) A connection that is lost, or does not answer in time, is destroyed and never given back.
 *  (4) An error of the connection never goes unheard, so it never ends the process.
 *  (5) The server is asked to stop what it does for a connection that is lost, unless that is COMMIT: it would go on to the
 *      end, locks and all.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type { CancelRequest } from './cancel-request.ts';
import type { LimitStatement } from './limited-query.ts';
import type { CheckedOutClient, SqlCallback, SqlResult } from './pg-client.ts';
import { ConnectionDroppedError, isFatal } from './sql-error.ts';
import { type StatementPlace, StatementRun, type Terms } from './statement-run.ts';

/** What happened to connections and statements since the pool was wrapped. */
export interface SqlCounts {
  /** Clients that are checked out now, those included that are being brought to rest after their caller has left. */
  readonly checkedOut: number;
  /** Callers that wait for a client now. */
  readonly waiting: number;
  /** Callers whose context ended while they waited for a client. */
  readonly gaveUpWaiting: number;
  /** Statements whose context ended while they ran. */
  readonly stopped: number;
  /** Requests to stop a statement that were sent. */
  readonly cancelRequests: number;
  /** Connections that were destroyed: lost, or not at rest in time. */
  readonly dropped: number;
}

/** The same, to be written. */
export type Tally = { -readonly [Name in keyof SqlCounts]: SqlCounts[Name] };

/** What a connection needs from its pool. */
export interface ConnectionPorts {
  readonly clock: Clock;
  readonly cancelGraceMs: number;
  readonly tally: Tally;
  cancel(client: CheckedOutClient): CancelRequest | undefined;
  /** Undefined where the server is not told of deadlines. */
  readonly limit: LimitStatement | undefined;
}

/** A checked-out client. */
export class Connection implements StatementPlace {
  /** Why the connection is no more; undefined while it lives. */
  lost: { readonly error: unknown } | undefined;
  readonly clock: Clock;
  readonly cancelGraceMs: number;
  readonly client: CheckedOutClient;
  readonly #ports: ConnectionPorts;
  #tail: Promise<void> = Promise.resolve();
  #isReleased = false;
  #isBack = false;
  #mustProve = false;
  #current: { readonly mayBeStopped: boolean; noteLoss(error: unknown): void } | undefined;

  constructor(client: CheckedOutClient, ports: ConnectionPorts) {
    this.client = client;
    this.#ports = ports;
    this.clock = ports.clock;
    this.cancelGraceMs = ports.cancelGraceMs;
    ports.tally.checkedOut += 1;
    client.on('error', this.#onError); // (4)
  }

  /** Runs a statement when those before are over. */
  run<Row>(statement: object, terms: Terms): Promise<SqlResult<Row>> {
    const run = new StatementRun<Row>(this, statement, terms);
    this.#tail = this.#tail.then(() => {
      this.#current = run;
      return run.start(); // (1)
    });
    return run.outcome;
  }

  /** Runs a statement that nobody may stop. A connection that takes longer than `limitMs` milliseconds for it is dropped. */
  runThrough(text: string, limitMs: number): Promise<SqlResult<unknown>> {
    return this.run({ text }, { contexts: [], stakes: 'no-effect', limitMs });
  }

  /** Whether a transaction is open, failed or not. */
  get isInTransaction(): boolean {
    return (this.client.getTransactionStatus?.() ?? 'I') !== 'I';
  }

  /** Whether the server says that no transaction is open; false where the client does not tell. */
  get isOutsideTransaction(): boolean {
    return this.client.getTransactionStatus?.() === 'I';
  }

  /** Resolves when all that was begun so far is over. Never rejects. */
  whenQuiet(): Promise<void> {
    return this.#tail;
  }

  /** Gives the client back when all that was begun is over. Resolves when that is so. Never rejects. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    await this.#tail;
    await this.#proveRest();
    if (this.lost === undefined) this.#giveBack();
  }

  /** Destroys the client, after the server was asked to stop what it does there. Never rejects. */
  async stopAndDrop(error: unknown): Promise<void> {
    await this.#stopBehind();
    this.drop(error);
  }

  drop(error: unknown): void {
    if (this.lost !== undefined || this.#isBack) return;
    this.lost = { error };
    this.#ports.tally.dropped += 1;
    if (this.#current?.mayBeStopped === true && !isFatal(error)) void this.#stopBehind(); // (5)
    this.#giveBack(error instanceof Error ? error : true); // (3)
    this.#current?.noteLoss(error);
  }

  send(statement: object, callback: SqlCallback, remainingMs?: number): void {
    const limited = remainingMs === undefined ? undefined : this.#ports.limit?.(statement, remainingMs, callback);
    if (limited === undefined) this.client.query(statement, callback);
    else this.client.query(limited);
  }

  noteStopped(): void {
    this.#mustProve = true;
    this.#ports.tally.stopped += 1;
  }

  askToStop(): CancelRequest | undefined {
    const request = this.#ports.cancel(this.client);
    if (request !== undefined) this.#ports.tally.cancelRequests += 1;
    return request;
  }

  // --- internal ---

  readonly #onError = (error: Error): void => this.drop(error);

  /** Waits until it is out of every transaction, and has answered after a stop. */
  async #proveRest(): Promise<void> {
    const { isInTransaction } = this;
    if (this.lost !== undefined || !(this.#mustProve || isInTransaction)) return;
    try {
      await this.runThrough(isInTransaction ? 'ROLLBACK' : '', this.cancelGraceMs);
    } catch (error) {
      this.drop(new ConnectionDroppedError('the connection does not come to rest', error));
    }
  }

  /** Stops what the server still does for a connection that is no more. */
  async #stopBehind(): Promise<void> {
    const request = this.askToStop();
    if (request === undefined) return;
    const limit = this.clock.setTimer(() => request.giveUp(), this.cancelGraceMs);
    await request.closed;
    limit.cancel();
  }

  #giveBack(destroy?: Error | true): void {
    this.#isBack = true;
    this.#ports.tally.checkedOut -= 1;
    if (destroy === undefined) this.client.off('error', this.#onError); // (4): one that is destroyed may still have something to say
    this.client.release(destroy);
  }
}
