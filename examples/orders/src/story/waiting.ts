/**
 * Waiting: for a time, or for something to come about; both end at once when the run does.
 *
 * @module
 */

import { setTimeout as delay } from 'node:timers/promises';

import type { Context } from '@holdfast/core';

/** Resolves after so many milliseconds, or rejects with the cause of the context when that ends before. */
export async function sleep(ms: number, context: Context): Promise<void> {
  context.throwIfCancelled();
  const own = context.withCancel(); // so that no listener stays with a context that lives for minutes
  try {
    await delay(ms, undefined, { signal: own.signal });
  } catch {
    throw context.cause;
  } finally {
    own.cancel();
  }
}

/** Looks until `isSo` says yes, at most so many milliseconds. Returns the time that it took; undefined where it never was. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  ms: number,
  context: Context,
): Promise<number | undefined> {
  const begunAt = performance.now();
  for (;;) {
    if (await isSo()) return performance.now() - begunAt;
    if (performance.now() - begunAt >= ms) return undefined;
    await sleep(5, context);
  }
}
