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

import type { GrpcSource } from './grpc-call.ts';
import { isSource, iteratorOf, leave, type RoomOf, roomIn, type SourceIterator } from './source.ts';

/** What is fed: the writing side of a call. */
export interface FedCall extends RoomOf<'status'> {
  write(message: unknown): boolean;
  end(): unknown;
  cancel(): void;
  on(event: 'error', listener: () => void): unknown;
}

/** One source, for one call. */
export class SourcePump {
  readonly #source: GrpcSource<unknown>;
  #iterator: SourceIterator | undefined;
  #isStopped = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #sourceFailure: { readonly error: unknown } | undefined;

  /** @throws TypeError when `source` is not iterable. */
  constructor(source: GrpcSource<unknown>) {
    if (!isSource(source)) throw new TypeError('a stream of requests must be an iterable or an async iterable');
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
    leave(this.#iterator); // (2)
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
      if (!call.write(next.value)) await roomIn(call, 'status');
    }
  }
}
