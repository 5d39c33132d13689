/**
 * Stream flow: takes what a source gives, one after the other, for as long as somebody takes it.
 *
 *   source(context) ── next ──► give ── taken ──► next ...   until the source ends, fails, or the context of the stream does:
 *                                                            the client goes, the server closes, idleMs or totalMs pass
 *
 * Invariants
 *  (1) When it ends, in whatever way, the source is told: its context ends, and its `finally` runs.
 *  (2) Nothing is taken from the source before the last has been taken by the client, so nothing piles up.
 *  (3) When it has ended, no timer is left; while it lasts, nothing of an item that was taken is.
 *
 * @module
 */

import {
  type CancellableContext,
  type Clock,
  type Context,
  ignoreRejection,
  inRange,
  reportHookError,
  systemClock,
  type Timer,
  withKnown,
} from '@holdfast/core';

import { isClientGone, isOfEnd, isServerClosing, StreamIdleError, StreamTotalError } from './request-error.ts';

/** Limits of a stream. Omitted ones take {@link streamDefaults}. */
export interface StreamOptions {
  /** How long it may stand still: the source gives nothing, or the client takes nothing. Milliseconds, 1 to Infinity. @defaultValue 60_000 */
  readonly idleMs?: number;
  /** How long it may last. Milliseconds, 1 to Infinity. @defaultValue 3_600_000 */
  readonly totalMs?: number;
  readonly clock?: Clock;
}

/** Every default of {@link StreamOptions}, in one place. */
export const streamDefaults: Required<StreamOptions> = Object.freeze({
  idleMs: 60_000,
  totalMs: 3_600_000,
  clock: systemClock,
});

/** What gives the items of a stream: most often an async generator function. Its context ends when nobody takes them any more. */
export type StreamSource<T> = (context: Context) => AsyncIterable<T>;

/** Why a stream has ended: `finished`, the source had no more. */
export type StreamEnd = 'finished' | 'client-gone' | 'server-closing' | 'deadline' | 'idle' | 'total' | 'cancelled';

/** How a stream has ended. */
export interface StreamEnding {
  readonly reason: StreamEnd;
  /** Items that were taken. */
  readonly count: number;
}

/** Checks and completes options. */
export function resolveStreamOptions(options: StreamOptions): Required<StreamOptions> {
  const resolved = withKnown('stream', streamDefaults, options, []);
  inRange('stream.idleMs', resolved.idleMs, [1, Infinity]);
  inRange('stream.totalMs', resolved.totalMs, [1, Infinity]);
  return resolved;
}

/**
 * Gives what `source` gives to `give`, until either ends. `give` may return a promise, of the moment in which the client has taken it.
 *
 * @throws what the source throws, unless the stream had ended before: then what its `finally` throws is reported.
 */
export async function flow<T>(
  context: Context,
  {
    source,
    give,
    options,
  }: { source: StreamSource<T>; give: (item: T) => Promise<void> | undefined; options: Required<StreamOptions> },
): Promise<StreamEnding> {
  const { totalMs, idleMs, clock } = options;
  const own = context.withTimeout(totalMs, new StreamTotalError(totalMs));
  const idle = new IdleWatch(own, idleMs, clock);
  const end = new EndWatch(own);
  let count = 0;
  let taking: Taking<T> | undefined = undefined;
  try {
    taking = new Taking(source(own));
    for (;;) {
      const step = await end.orFirst(taking.next());
      if (step === undefined || own.cancelled) break;
      if (step.done === true) return { reason: 'finished', count };
      const taken = give(step.value);
      if (taken !== undefined) await end.orFirst(taken); // (2)
      if (own.cancelled) break;
      count++;
      idle.moved();
    }
  } catch (error) {
    if (!own.cancelled) throw error;
  } finally {
    const hasEnded = own.cancelled;
    idle.stop(); // (3)
    own.cancel(); // what it was ended by before stays its cause
    await taking?.stop(hasEnded); // (1)
  }
  return { reason: reasonOf(own), count };
}

// --- internal ---

/**
 * Waits for the end of a context beside other things, one after the other. A `Promise.race` with one promise of the end would keep
 * what each of them came to for as long as the stream lasts.
 */
class EndWatch {
  readonly #context: Context;
  #wake: (() => void) | undefined = undefined;

  constructor(context: Context) {
    this.#context = context;
    context.onCancel(() => this.#wake?.());
  }

  /** What `promise` comes to, unless the context ends first: then undefined. */
  orFirst<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      promise.then(resolve, reject); // (3)
      if (this.#context.cancelled) this.#wake();
    });
  }
}

/** Taking from a source, which is told when that is over. */
class Taking<T> {
  readonly #iterable: AsyncIterable<T>;
  readonly #iterator: AsyncIterator<T>;
  #isPending = false;

  constructor(iterable: AsyncIterable<T>) {
    if (typeof iterable?.[Symbol.asyncIterator] !== 'function')
      throw new TypeError(`the source of a stream must return an async iterable, got ${typeof iterable}`);
    this.#iterable = iterable;
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  async next(): Promise<IteratorResult<T>> {
    this.#isPending = true;
    try {
      return await this.#iterator.next();
    } finally {
      this.#isPending = false;
    }
  }

  /**
   * Waits for the source's `finally`, unless it is in the middle of something that its context has to end.
   *
   * @throws what the `finally` throws, unless the stream has ended without the source.
   */
  async stop(hasEnded: boolean): Promise<void> {
    const { destroy } = this.#iterable as { readonly destroy?: unknown };
    if (typeof destroy === 'function') destroy.call(this.#iterable);
    const stopped = this.#iterator.return?.();
    if (this.#isPending) return ignoreRejection(stopped);
    try {
      await stopped;
    } catch (error) {
      if (!hasEnded) throw error;
      if (!isOfEnd(error)) reportHookError('source', error);
    }
  }
}

/** Ends a context when nothing has moved for too long. */
class IdleWatch {
  readonly #context: CancellableContext;
  readonly #idleMs: number;
  readonly #clock: Clock;
  #movedAt: number;
  #timer: Timer | undefined = undefined;

  constructor(context: CancellableContext, idleMs: number, clock: Clock) {
    this.#context = context;
    this.#idleMs = idleMs;
    this.#clock = clock;
    this.#movedAt = clock.now();
    if (idleMs !== Infinity) this.#arm(idleMs);
  }

  moved(): void {
    this.#movedAt = this.#clock.now();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimer(() => {
      const leftMs = this.#movedAt + this.#idleMs - this.#clock.now();
      if (leftMs > 0) this.#arm(leftMs);
      else this.#context.cancel(new StreamIdleError(this.#idleMs));
    }, ms);
  }
}

function reasonOf({ cause, endedBy }: Context): StreamEnd {
  if (cause instanceof StreamIdleError) return 'idle';
  if (cause instanceof StreamTotalError) return 'total';
  if (isClientGone(cause)) return 'client-gone';
  if (isServerClosing(cause)) return 'server-closing';
  return endedBy === 'deadline' ? 'deadline' : 'cancelled';
}
