/**
 * Histogram: how many values were up to each of a few bounds, as Prometheus counts them.
 *
 * Invariants
 *  (1) A value counts in the bucket of every bound that it does not exceed.
 *
 * @module
 */

/** What a histogram has counted. */
export interface HistogramSnapshot {
  /** Upper bounds, the lowest first; the last is Infinity. */
  readonly bounds: readonly number[];
  /** For each bound, how many values were at most that. */
  readonly counts: readonly number[];
  /** All values together. */
  readonly sum: number;
  readonly count: number;
}

/** Counts values. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #buckets: number[];
  #sum = 0;

  /** `bounds` are finite and ascend. */
  constructor(bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity];
    this.#buckets = this.#bounds.map(() => 0);
  }

  /** Counts a finite value. */
  add(value: number): void {
    this.#sum += value;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1;
  }

  /** What was counted so far. */
  snapshot(): HistogramSnapshot {
    let count = 0;
    const counts = this.#buckets.map((bucket) => (count += bucket)); // (1)
    return { bounds: this.#bounds, counts, sum: this.#sum, count };
  }
}
