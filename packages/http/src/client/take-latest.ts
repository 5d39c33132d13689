/**
 * Take latest: of the calls of one function only the newest is of interest, as in a search box. Each call ends the one before.
 *
 *   call 1 ─── delay ─── runs ───► ended by call 2
 *   call 2 ───────── delay ─── runs ───► its value
 *
 * Invariants
 *  (1) At most one run is under way; one that was replaced ends before the next starts.
 *  (2) A call that was replaced fails with a cancel, also where the function does not heed its context; and what hangs on its
 *      context later, as the body of a response, ends with it.
 *
 * @module
 */

import {
  CancelledError,
  type CancellableContext,
  type Clock,
  type Context,
  inRange,
  isFunction,
  noop,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

/** Options of {@link takeLatest}. Omitted ones take {@link takeLatestDefaults}. */
export interface TakeLatestOptions {
  /** How long a call waits for another to replace it, before it starts. Milliseconds, 0 to 60 000; 0 starts at once. @defaultValue 0 */
  readonly delayMs?: number;
  /** Source of time and waits. */
  readonly clock?: Clock;
}

/** Every default of {@link takeLatest}, in one place. */
export const takeLatestDefaults: Required<TakeLatestOptions> = Object.freeze({ delayMs: 0, clock: systemClock });

/**
 * Returns `fn` so that each call of it ends the one before, which fails with a `CancelledError`.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * const search = takeLatest((context, text: string) => fetchSearch(context, `/search?q=${text}`), { delayMs: 150 });
 * ```
 */
export function takeLatest<A extends readonly unknown[], T>(
  fn: (context: Context, ...args: A) => T | PromiseLike<T>,
  options: TakeLatestOptions = {},
): (context: Context, ...args: A) => Promise<T> {
  isFunction('takeLatest', fn);
  const { delayMs, clock } = withKnown('takeLatest', takeLatestDefaults, options);
  inRange('takeLatest.delayMs', delayMs, [0, 60_000]);
  let latest: CancellableContext | undefined;

  return async (context, ...args) => {
    requireContext('takeLatest', context);
    const before = latest;
    const own = context.withCancel();
    latest = own; // first, so that a call that is made by what ends now replaces this one
    before?.cancel(new CancelledError('a newer call took its place')); // (1)
    return plain.execute(async (running) => {
      if (delayMs > 0) await sleep(delayMs, clock, running);
      return fn(running, ...args);
    }, own); // (2)
  };
}

// --- internal ---

const plain = noop();

function sleep(delayMs: number, clock: Clock, context: Context): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => {
      unhook();
      resolve();
    }, delayMs);
    const unhook = context.onCancel((cause) => {
      timer.cancel();
      reject(cause);
    });
  });
}
