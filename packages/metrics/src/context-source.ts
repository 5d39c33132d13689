/**
 * Context source: the little that the metrics of contexts need to know about a monitor of them.
 *
 * Described by shape, so that anything with these numbers fits.
 *
 * @module
 */

/** How many values were up to each of a few bounds. */
export interface HistogramReading {
  /** Upper bounds, the lowest first; the last is Infinity. */
  readonly bounds: readonly number[];
  /** For each bound, how many values were at most that. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** Contexts of requests at one instant. */
export interface ContextReading {
  readonly name: string;
  readonly openedCount: number;
  readonly openCount: number;
  readonly leakCount: number;
  readonly sizeBytes: HistogramReading;
  readonly ttlSeconds: HistogramReading;
}

/** What watches the contexts of requests. */
export interface ContextSource {
  /** What it knows now. Called once per reading. */
  snapshot(): ContextReading;
}
