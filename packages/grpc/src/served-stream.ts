/**
 * Served stream: the two directions of a stream at the server, as async iterables.
 *
 * @module
 */

import type { Readable, Writable } from 'node:stream';

import { type Context, ignoreRejection } from '@holdfast/core';

import type { GrpcSource } from './grpc-call.ts';

/**
 * The requests that a client streams. They end when the client says so; when the call ends first, reading fails with the context's
 * cause. Leaving them early does not end the call.
 */
export async function* requestsOf<Request>(call: Readable, context: Context): AsyncGenerator<Request, void> {
  const ended = endOf(context);
  const iterator = call.iterator({ destroyOnReturn: false }) as AsyncIterator<Request, void>;
  try {
    for (;;) {
      const next = await ended.first(iterator.next());
      if (next.done === true) break;
      yield next.value;
    }
    context.throwIfCancelled();
  } catch (error) {
    throw context.cancelled ? context.cause : error;
  } finally {
    ended.forget();
  }
}

/** Writes what `source` yields into `call`, as fast as the client takes it. Ends with the context's cause when that ends first. */
export async function answers(call: Writable, context: Context, source: GrpcSource<unknown>): Promise<void> {
  requireSource(source);
  const ended = endOf(context);
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let isDone = false;
  try {
    for (;;) {
      const next = await ended.first(iterator.next());
      isDone = next.done === true;
      if (isDone) return;
      if (!call.write(next.value)) await ended.first(roomIn(call));
    }
  } finally {
    ended.forget();
    if (!isDone) leave(iterator);
  }
}

// --- internal ---

function requireSource(source: unknown): void {
  const { [Symbol.asyncIterator]: asyncOnes, [Symbol.iterator]: ones } = (source ?? {}) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >;
  if (typeof asyncOnes !== 'function' && typeof ones !== 'function')
    throw new TypeError('a handler that streams must return an iterable or an async iterable');
}

interface End {
  /** `work`, or the context's cause, whichever is first. One at a time. Nothing of a work stays here once it is over. */
  first<T>(work: T | PromiseLike<T>): Promise<T>;
  forget(): void;
}

/** No race with one promise for all of a stream: that would keep every message until the stream has ended. */
function endOf(context: Context): End {
  let reject: ((cause: unknown) => void) | undefined;
  const unhook = context.onCancel((cause) => reject?.(cause));
  return {
    async first(work) {
      try {
        return await new Promise((resolve, settle) => {
          reject = settle;
          Promise.resolve(work).then(resolve, settle);
          if (context.cancelled) settle(context.cause);
        });
      } finally {
        reject = undefined;
      }
    },
    forget: () => void unhook(),
  };
}

function roomIn(call: Writable): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      call.off('drain', go);
      call.off('close', go);
      resolve();
    };
    call.once('drain', go);
    call.once('close', go);
  });
}

function leave(iterator: AsyncIterator<unknown> | Iterator<unknown>): void {
  try {
    ignoreRejection(iterator.return?.());
  } catch {
    // its own clean-up failed; the call is over
  }
}
