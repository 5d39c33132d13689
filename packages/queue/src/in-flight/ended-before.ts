/**
 * Ended before: waits for a promise until a context ends, with a timer of its own so that the process stays alive for it.
 *
 * @module
 */

import type { Clock, Context } from '@holdfast/core';

/**
 * Without a `clock` it has no timer of its own, and keeps no process alive.
 *
 * Returns what `pending` comes to; what that is after the context has ended is dropped.
 *
 * @throws `context.cause` when the context ends first.
 */
export function endedBefore<T>(pending: PromiseLike<T>, context: Context, clock: Clock | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const remainingMs = context.remainingMs();
    const timer = remainingMs === Infinity ? undefined : clock?.setTimer(() => {}, remainingMs);
    const stop = context.onCancel(reject);
    Promise.resolve(pending)
      .then(resolve, reject)
      .finally(() => {
        stop();
        timer?.cancel();
      });
  });
}
