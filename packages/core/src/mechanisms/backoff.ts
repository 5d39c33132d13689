/**
 * Backoff: how long to wait before trying again.
 *
 *   full-jitter         anything from 0 to a bound that doubles
 *   decorrelated-jitter anything from the first bound to three times the delay before
 *   exponential         a bound that doubles, exactly: callers that failed together come back together
 *   fixed               always the same
 *
 * Source: Exponential Backoff And Jitter, M. Brooker, AWS Architecture Blog, 2015,
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
 * Deviation: see each.
 *
 * @module
 */

/** How delays grow and spread. */
export type BackoffKind = 'full-jitter' | 'decorrelated-jitter' | 'exponential' | 'fixed';

/** The values of {@link BackoffKind}. */
export const backoffKinds: readonly BackoffKind[] = Object.freeze([
  'full-jitter',
  'decorrelated-jitter',
  'exponential',
  'fixed',
]);

/** The delay that is asked for. */
export interface DelayRequest {
  /** Number of the try that follows; the first is 1. */
  readonly attempt: number;
  /** The delay before. Milliseconds; 0 where there was none. */
  readonly previousDelayMs: number;
  readonly bounds: DelayBounds;
}

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

/**
 * Returns the delay after one of `previousDelayMs`, in milliseconds: uniform from `baseMs` to three times the delay before,
 * that excluded, and never above `maxMs`.
 *
 * `random` returns a number in [0, 1).
 *
 * Source: "Decorrelated Jitter" in the article above.
 * Deviation: the upper end is cut off at `maxMs` before drawing, not the drawn delay after, so that delays do not gather at
 * `maxMs`.
 */
export function decorrelatedJitterMs(previousDelayMs: number, bounds: DelayBounds, random: () => number): number {
  const lowestMs = Math.min(bounds.baseMs, bounds.maxMs);
  return lowestMs + random() * (decorrelatedMaxMs(previousDelayMs, bounds) - lowestMs);
}

/** Returns the delay of `kind` before a try, in milliseconds: finite, from 0 to {@link longestBackoffMs}. Cost: constant. */
export function backoffMs(kind: BackoffKind, request: DelayRequest, random: () => number): number {
  const { attempt, previousDelayMs, bounds } = request;
  if (attempt < 2) return 0;
  switch (kind) {
    case 'full-jitter':
      return fullJitterMs(attempt, bounds, random);
    case 'decorrelated-jitter':
      return decorrelatedJitterMs(previousDelayMs, bounds, random);
    case 'exponential':
    case 'fixed':
      return longestBackoffMs(kind, request);
  }
}

/** Returns the longest that {@link backoffMs} may give for the same request. Milliseconds. */
export function longestBackoffMs(kind: BackoffKind, { attempt, previousDelayMs, bounds }: DelayRequest): number {
  if (attempt < 2) return 0;
  if (kind === 'fixed') return Math.min(bounds.baseMs, bounds.maxMs);
  return kind === 'decorrelated-jitter' ? decorrelatedMaxMs(previousDelayMs, bounds) : exponentialMs(attempt, bounds);
}

// --- internal ---

/** The first delay is drawn as if `baseMs` had gone before. */
function decorrelatedMaxMs(previousDelayMs: number, { baseMs, maxMs }: DelayBounds): number {
  return Math.min(maxMs, 3 * Math.max(baseMs, previousDelayMs));
}

/** 2^1000 is still finite after multiplying with any base in use. */
const MAX_EXPONENT = 1000 - 60;
