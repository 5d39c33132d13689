/**
 * Served stream: the two directions of a stream at the server, as async iterables.
 *
 * @module
 */

import type { Readable, Writable } from 'node:stream';

import type { Context } from '@holdfast/core';

import type { GrpcSource } from './grpc-call.ts';
import type { Claim } from './stream-tries.ts';
import { isSource, iteratorOf, leave, roomIn } from './source.ts';

/**
 * The requests that a client streams. They end when the client says so; when the call ends first, reading fails with the context's
 * cause. Leaving them early does not end the call. The stream is claimed before each is read.
 */
export async function* requestsOf<Request>(
  call: Readable,
  context: Context,
  claim: Claim,
): AsyncGenerator<Request, void> {
  const ended = endOf(context);
  const iterator = call.iterator({ destroyOnReturn: false }) as AsyncIterator<Request, void>;
  try {
    for (;;) {
      claim();
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

/** What a handler answers, and the claim of its try to the stream. */
export interface Answer {
  readonly source: GrpcSource<unknown>;
  readonly claim: Claim;
}

/**
 * Writes what `source` yields into `call`, as fast as the client takes it. Ends with the context's cause when that ends first. The
 * stream is claimed before each message.
 */
export async function answers(call: Writable, context: Context, { source, claim }: Answer): Promise<void> {
  if (!isSource(source)) throw new TypeError('a handler that streams must return an iterable or an async iterable');
  const ended = endOf(context);
  const iterator = iteratorOf(source);
  let isDone = false;
  try {
    for (;;) {
      const next = await ended.first(iterator.next());
      isDone = next.done === true;
      if (isDone) return;
      claim();
      if (!call.write(next.value)) await ended.first(roomIn(call, 'close'));
    }
  } finally {
    ended.forget();
    if (!isDone) leave(iterator);
  }
}

// --- internal ---

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
