/**
 * Fetch response: a Fetch `Response` in the place of one of node:http, where there is no more to see of a request than its signal.
 *
 * It is closed when the body has been read to its end, or is given up, or the signal aborts.
 *
 * @module
 */

import type { OutgoingResponse } from '../server/http-message.ts';

/** A response that is made of a Fetch `Response` in the end. */
export class FetchResponse implements OutgoingResponse {
  statusCode = 200;
  headersSent = false;
  writableEnded = false;
  readonly #signal: AbortSignal;
  readonly #headers = new Map<string, string>();
  readonly #onAbort = (): void => this.#close();
  #listeners: (() => void)[] = [];

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  /** Returns `response` so that its end is told. */
  complete(response: Response): Response {
    this.statusCode = response.status;
    this.writeHead();
    this.headersSent = true;
    const body = response.body === null ? null : this.#watched(response.body);
    const completed = new Response(body, response);
    for (const [name, value] of this.#headers) completed.headers.set(name, value);
    if (body === null) this.#end();
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
        const { done, value } = await reader.read();
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
