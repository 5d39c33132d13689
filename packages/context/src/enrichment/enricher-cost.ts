/**
 * Enricher cost: how long an enricher takes, as a moving average, and whether it is worth it now.
 *
 * Source: exponentially weighted moving average, S. W. Roberts, Control Chart Tests Based on Geometric Moving Averages, 1959.
 * Deviation: the first value is the average.
 *
 * Invariants
 *  (1) While it is left out for its cost, it is tried once per `probeEveryMs`, so that it comes back when it is cheap again.
 *
 * @module
 */

/** What an enricher has cost. */
export class EnricherCost {
  /** Average, in milliseconds; undefined before the first run has ended. */
  averageMs: number | undefined = undefined;
  #ranAt = -Infinity;

  /** Takes the time of one run into the average. */
  add(ms: number): void {
    this.averageMs = this.averageMs === undefined ? ms : this.averageMs + WEIGHT * (ms - this.averageMs);
  }

  /** Takes note of a run that starts at `now`. */
  noteRun(now: number): void {
    this.#ranAt = now;
  }

  /** Whether it shall run at `now`, where it may cost `maxCostMs`. */
  isWorthIt(now: number, maxCostMs: number, probeEveryMs: number): boolean {
    const isCheap = this.averageMs === undefined || this.averageMs <= maxCostMs;
    return isCheap || now - this.#ranAt >= probeEveryMs; // (1)
  }
}

// --- internal ---

/** Weight of the latest run. */
const WEIGHT = 0.2;
