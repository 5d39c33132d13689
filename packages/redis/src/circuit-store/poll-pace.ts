/**
 * Poll pace: how often a process polls one shard when it uses several: about once a second in all, as long as messages are heard.
 *
 * Invariants
 *  (1) A shard is polled no more often than the store says, and at least every {@link MAX_POLL_MS}, so that a ticket stays good.
 *
 * @module
 */

/** The longest time between two polls of a shard. Milliseconds. */
export const MAX_POLL_MS = 10_000;

/** Returns the time between two polls of a shard, of `usedCount` that the process uses, where the store says `pollMs`. Milliseconds. */
export function pollPaceMs(pollMs: number, usedCount: number): number {
  return Math.max(pollMs, Math.min(MAX_POLL_MS, usedCount * POLL_EVERY_MS)); // (1)
}

// --- internal ---

/** Time between two polls of a process. Milliseconds. */
const POLL_EVERY_MS = 1000;
