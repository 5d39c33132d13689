/**
 * Source: messages that somebody gives one by one, as an iterable or an async iterable, and how they are read and left.
 *
 * @module
 */

import { ignoreRejection } from '@holdfast/core';

import type { GrpcSource } from './grpc-call.ts';

/** What a source is read by. */
export type SourceIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** Whether `value` can be read as a source. Never throws for what is none. */
export function isSource(value: unknown): value is GrpcSource<unknown> {
  const given = (value ?? {}) as Partial<Iterable<unknown> & AsyncIterable<unknown>>;
  return typeof given[Symbol.asyncIterator] === 'function' || typeof given[Symbol.iterator] === 'function';
}

/** Begins to read `source`. */
export function iteratorOf(source: GrpcSource<unknown>): SourceIterator {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

/** Tells a source that nobody reads it any more. What its clean-up fails with is dropped: the call is over. */
export function leave(iterator: SourceIterator): void {
  try {
    ignoreRejection(iterator.return?.());
  } catch {
    // as above
  }
}

/** The writing side of a call, which tells that it takes more, and by `over` that it is over. */
export interface RoomOf<Over extends string> {
  once(event: 'drain' | Over, listener: () => void): unknown;
  off(event: 'drain' | Over, listener: () => void): unknown;
}

/** Waits until `call` takes more, or is over. */
export function roomIn<Over extends string>(call: RoomOf<Over>, over: Over): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      call.off('drain', go);
      call.off(over, go);
      resolve();
    };
    call.once('drain', go);
    call.once(over, go);
  });
}
