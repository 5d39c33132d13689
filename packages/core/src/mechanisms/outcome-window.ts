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
  /** What the window holds at `now`, the oldest first: enough for another window of its kind to go on from. */
  save(now: number): WindowRecord;
  /** Adds a run that ended at `at`, in milliseconds. Takes no longer than the window is large, however large the run. */
  load(run: WindowRun, at: number): void;
}

/** What a window holds, as plain data: runs of calls, the oldest first. */
export type WindowRecord = readonly WindowRun[];

/** Calls that belong together: one after the other, or of one bucket. */
export interface WindowRun {
  /** How long before the saving they ended. Milliseconds, 0 or more; 0 where the window does not look at time. */
  readonly ageMs: number;
  readonly calls: number;
  /** How many of them failed. */
  readonly failures: number;
}

/** Records again, in an empty window, what was saved `elapsedMs` ago. `now` is the present. */
export function replay(record: WindowRecord, window: OutcomeWindow, { now, elapsedMs }: ReplayTime): void {
  for (const run of record) window.load(run, now - elapsedMs - run.ageMs);
  window.expire(now);
}

/** Whether the call at `index` of a run is one that failed: nobody knows the order any more, so failures are spread evenly. */
export function isFailureAt(index: number, { calls, failures }: WindowRun): boolean {
  return Math.floor(((index + 1) * failures) / calls) > Math.floor((index * failures) / calls);
}

/** When a record is replayed. Milliseconds. */
export interface ReplayTime {
  readonly now: number;
  readonly elapsedMs: number;
}
