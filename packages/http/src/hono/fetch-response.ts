/**
 * Fetch response: a Fetch `Response` in the place of one of node:http, where there is no more to see of a request than its signal.
 *
 * It is closed when the body has been read to its end, has failed, or is given up, or the signal aborts; with the head where nobody
 * reads a body: there is none, or it was asked for by HEAD.
 *
 * @module
 */

import type { OutgoingResponse } from '../server/http-message.ts';

/** A response that is made of a Fetch `Response` in the end. */
export class FetchResponse implements OutgoingResponse {
  statusCode = 200;
  headersSent = false;
  writableEnded = false;
  errored: unknown = undefined;
  readonly #isHead: boolean;
  readonly #signal: AbortSignal;
  readonly #headers = new Headers();
  readonly #onAbort = (): void => this.#close();
  #listeners: (() => void)[] = [];

  constructor({ method, signal }: Request) {
    this.#isHead = method === 'HEAD';
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  /** Returns `response` so that its end is told. */
  complete(response: Response): Response {
    this.statusCode = response.status;
    this.writeHead();
    this.headersSent = true;
    const isUnread = response.body === null || this.#isHead;
    if (isUnread) this.#end();
    if (response.status < 200) return response; // an upgrade, of which no copy can be made
    const completed = new Response(isUnread ? response.body : this.#watched(response.body), response);
    for (const [name, value] of this.#headers) completed.headers.set(name, value);
    return completed;
  }

  on(_event: 'close', listener: () => void): void {
    this.#listeners.push(listener);
    if (this.#signal.aborted) void Promise.resolve().then(this.#onAbort); // whoever is told is still being made
  }

  once(event: 'close' | 'drain', listener: () => void): void {
    if (event === 'close') this.on(event, listener);
  }

  off(_event: 'close' | 'drain', listener: () => void): void {
    this.#listeners = this.#listeners.filter((each) => each !== listener);
  }

  setHeader(name: string, value: string): void {
    if (name !== 'connection') this.#headers.set(name, value);
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name);
  }

  removeHeader(name: string): void {
    this.#headers.delete(name);
  }

  /** Nothing is written here; what is to come before a head does. */
  writeHead(): unknown {
    return this;
  }

  write(): boolean {
    throw new TypeError('a Fetch response is not written to; return one with a body');
  }

  end(): void {
    this.#end();
  }

  destroy(): void {
    this.#close();
  }

  // --- internal ---

  #end(): void {
    this.writableEnded = true;
    this.#close();
  }

  #fail(error: unknown): never {
    this.errored = error ?? 'failed';
    this.#close();
    throw error;
  }

  #close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  #watched(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    return new ReadableStream<Uint8Array>({
      pull: async (controller): Promise<void> => {
        const { done, value } = await reader.read().catch((error: unknown) => this.#fail(error));
        if (!done) return controller.enqueue(value);
        controller.close();
        this.#end();
      },
      cancel: async (reason: unknown): Promise<void> => {
        this.#close();
        await reader.cancel(reason);
      },
    });
  }
}
