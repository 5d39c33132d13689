/**
 * Source pump: writes what a caller streams into a call, as fast as the call takes it.
 *
 * Invariants
 *  (1) The source is taken once, by the first call that is fed; no message of it is read before, and none after `stop`.
 *  (2) The source is told when nobody reads it any more.
 *  (3) A source that fails cancels the call, and the caller gets its error by identity.
 *
 * @module
 */

import { ignoreRejection } from '@holdfast/core';

/** What is fed: the writing side of a call. */
export interface FedCall {
  write(message: unknown): boolean;
  end(): unknown;
  cancel(): void;
  once(event: 'drain' | 'status', listener: () => void): unknown;
  on(event: 'error', listener: () => void): unknown;
  off(event: 'drain' | 'status', listener: () => void): unknown;
}

/** One source, for one call. */
export class SourcePump {
  readonly #source: Iterable<unknown> | AsyncIterable<unknown>;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  #isStopped = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #sourceFailure: { readonly error: unknown } | undefined;

  /** @throws TypeError when `source` is not iterable. */
  constructor(source: Iterable<unknown> | AsyncIterable<unknown>) {
    const given = (source ?? {}) as Partial<Iterable<unknown> & AsyncIterable<unknown>>;
    if (typeof given[Symbol.asyncIterator] !== 'function' && typeof given[Symbol.iterator] !== 'function')
      throw new TypeError('a stream of requests must be an iterable or an async iterable');
    this.#source = source;
  }

  /** What the source threw; undefined while it is well. */
  get sourceError(): unknown {
    return this.#sourceFailure?.error;
  }

  /** Throws what the call that took the source has failed with, if one has: the messages are gone. */
  throwIfTaken(): void {
    if (this.#iterator === undefined) return;
    throw this.#failure?.error ?? new Error('the stream of requests has been taken by another attempt'); // (1)
  }

  /** Notes what the call that took the source has failed with. */
  note(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Writes the source into `call`. The promise never fulfils; it rejects when the source fails. */
  feed(call: FedCall): Promise<never> {
    call.on('error', () => {}); // a write after the end of the call
    return new Promise((_resolve, reject) => {
      this.#pump(call).catch((error: unknown) => {
        this.#sourceFailure = { error };
        reject(error);
        call.cancel(); // (3)
      });
    });
  }

  /** Reads no more. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#iterator === undefined || this.#hasEnded) return;
    try {
      ignoreRejection(this.#iterator.return?.()); // (2)
    } catch {
      // its own clean-up failed; the call is over
    }
  }

  // --- internal ---

  async #pump(call: FedCall): Promise<void> {
    const iterator = iteratorOf(this.#source);
    this.#iterator = iterator; // (1)
    while (!this.#isStopped) {
      const next = await iterator.next();
      if (this.#isStopped) return; // (1): nor is the stream ended, which would tell the server that it has all
      if (next.done === true) {
        this.#hasEnded = true;
        call.end();
        return;
      }
      if (!call.write(next.value)) await roomIn(call);
    }
  }
}

// --- internal ---

function iteratorOf(source: Iterable<unknown> | AsyncIterable<unknown>): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

/** Waits until the call takes more, or is over. */
function roomIn(call: FedCall): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      call.off('drain', go);
      call.off('status', go);
      resolve();
    };
    call.once('drain', go);
    call.once('status', go);
  });
}
