/**
 * Waiting: for a time, or for something to come about; both end at once when the run ends.
 *
 * @module
 */

import { setTimeout as delay } from 'node:timers/promises';

/** How long to wait. */
export interface Wait {
  /** Milliseconds. */
  readonly ms: number;
  readonly signal?: AbortSignal;
}

/**
 * Resolves after a time.
 *
 * @throws AbortError when the signal aborts before.
 */
export async function sleep({ ms, signal }: Wait): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal });
}

/**
 * Looks until `isSo` says yes. Returns the time that it took in milliseconds, or undefined where the time was over before.
 *
 * @throws AbortError when the signal aborts before.
 */
export async function until(isSo: () => boolean, { ms, signal }: Wait): Promise<number | undefined> {
  const startedAt = performance.now();
  for (;;) {
    const tookMs = performance.now() - startedAt;
    if (isSo()) return tookMs;
    if (tookMs >= ms) return undefined;
    await sleep({ ms: LOOK_MS, ...(signal !== undefined && { signal }) });
  }
}

// --- internal ---

const LOOK_MS = 10;
