/**
 * Backoff: how long to wait before trying again.
 *
 * Source: Exponential Backoff And Jitter, M. Brooker, AWS Architecture Blog, 2015,
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
 * Deviation: none.
 *
 * @module
 */

/** Bounds of a delay. Milliseconds. */
export interface DelayBounds {
  /** Upper bound of the first delay. */
  readonly baseMs: number;
  /** Upper bound of every delay. */
  readonly maxMs: number;
}

/**
 * Returns the upper bound of the delay before try `attempt`, in milliseconds: `min(maxMs, baseMs * 2^(attempt - 2))`. Try
 * 1 has no delay. Finite for every attempt. Cost: constant.
 */
export function exponentialMs(attempt: number, { baseMs, maxMs }: DelayBounds): number {
  if (attempt < 2) return 0;
  return Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 2, MAX_EXPONENT));
}

/**
 * Returns the delay before try `attempt`, in milliseconds: uniform from 0 to {@link exponentialMs}, that excluded.
 *
 * `random` returns a number in [0, 1).
 *
 * Source: "Full Jitter" in the article above.
 */
export function fullJitterMs(attempt: number, bounds: DelayBounds, random: () => number): number {
  return random() * exponentialMs(attempt, bounds);
}

// --- internal ---

/** 2^1000 is still finite after multiplying with any base in use. */
const MAX_EXPONENT = 1000 - 60;
