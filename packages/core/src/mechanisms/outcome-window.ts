/**
 * Outcome window: how many of the latest calls failed. Two kinds: the last n calls, or the calls of the last n ms.
 *
 * Source: "CircuitBreaker: sliding window", resilience4j documentation, 2024,
 * https://resilience4j.readme.io/docs/circuitbreaker.
 * Deviation: outcomes are kept as bits and running sums; nothing is stored per call beyond one bit.
 *
 * @module
 */

/** Counts of the calls in a window. */
export interface OutcomeWindow {
  /** Whether `record` and `expire` look at `now`; where not, any number will do. */
  readonly needsTime: boolean;
  /** Calls in the window, as of the last `record` or `expire`. */
  readonly calls: number;
  /** How many of them failed. */
  readonly failures: number;
  /** Adds an outcome at `now`, in milliseconds. */
  record(failed: boolean, now: number): void;
  /** Drops what has left the window by `now`, in milliseconds. */
  expire(now: number): void;
}
