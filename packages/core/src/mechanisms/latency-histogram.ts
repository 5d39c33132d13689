/**
 * Latency histogram: how long calls took of late, in buckets as wide as a fixed share of the value, so that any quantile is
 * known with a bounded relative error from a few hundred counters, whatever the traffic.
 *
 *   unit    2 units   4 units    8 units ...       each power of two is cut into equally many buckets;
 *   ├┼┼┼┼┼┼┼┼─┼─┼─┼─┼───┼───┼───┼───┤              below the first of them, buckets are one unit wide
 *
 * It has two halves, each for half of the window, at aligned borders. New values go to the younger one; when its half is
 * over, the older one is emptied and becomes the younger. So the span is between `windowMs / 2` and `windowMs`.
 *
 * Invariants
 *  (1) A quantile is off by at most `1 / 2^(precisionBits + 1)` of the value, or half a unit where that is more.
 *  (2) A value counts from its record until its half leaves the window; `now` earlier than the latest one counts as that.
 *  (3) Recording takes constant time and no memory; the memory of the whole is constant.
 *
 * Source: HdrHistogram, G. Tene, 2012, https://github.com/HdrHistogram/HdrHistogram; the two halves are those of
 * `RotatingHistogram`, tower, 2019, https://github.com/tower-rs/tower/blob/master/tower/src/hedge/rotating_histogram.rs.
 * Deviation: a quantile gives the middle of its bucket, not its upper end; both halves are read, not only the older one.
 * Cost: 2 * (log2(maxMs / unitMs) - precisionBits + 2) * 2^precisionBits counters of 4 bytes. A quantile reads them all.
 *
 * @module
 */

/** What a {@link LatencyHistogram} is made for. */
export interface LatencyHistogramShape {
  /** Width of the narrowest buckets. Milliseconds, above 0. */
  readonly unitMs: number;
  /** What is longer counts as this. Milliseconds; at most 2^31 units. */
  readonly maxMs: number;
  /** Each power of two has 2^precisionBits buckets. Integer, 1 to 10. */
  readonly precisionBits: number;
  /** Span of time that it tells of. Milliseconds, above 0; Infinity forgets nothing. */
  readonly windowMs: number;
}

/** The latencies of the calls of the last `windowMs` milliseconds. */
export class LatencyHistogram {
  private readonly unitMs: number;
  private readonly maxUnits: number;
  private readonly precisionBits: number;
  private readonly halfMs: number;
  private younger: Uint32Array;
  private older: Uint32Array;
  private youngerCount = 0;
  private olderCount = 0;
  /** Number of the younger half since time zero; undefined before the first record. */
  private half: number | undefined = undefined;

  constructor({ unitMs, maxMs, precisionBits, windowMs }: LatencyHistogramShape) {
    this.unitMs = unitMs;
    this.maxUnits = Math.floor(maxMs / unitMs);
    this.precisionBits = precisionBits;
    this.halfMs = windowMs / 2;
    const bucketCount = this.indexOf(this.maxUnits) + 1;
    this.younger = new Uint32Array(bucketCount);
    this.older = new Uint32Array(bucketCount);
  }

  /** Values in the window, as of the latest `record` or `expire`. */
  get count(): number {
    return this.youngerCount + this.olderCount;
  }

  /** Counts a latency. Milliseconds; less than 0 counts as 0. */
  record(latencyMs: number, now: number): void {
    this.expire(now);
    const units = Math.min(Math.max(Math.floor(latencyMs / this.unitMs), 0), this.maxUnits);
    const index = this.indexOf(units);
    const before = this.younger[index] as number;
    if (before === FULL) return;
    this.younger[index] = before + 1;
    this.youngerCount++;
  }

  /** Forgets what has left the window by `now`. Returns whether that was anything. */
  expire(now: number): boolean {
    const half = Math.floor(now / this.halfMs);
    const before = this.half;
    if (before !== undefined && half <= before) return false; // (2)
    this.half = half;
    if (before === undefined) return false;
    const forgotten = this.olderCount + (half === before + 1 ? 0 : this.youngerCount);
    this.turn();
    if (half > before + 1) this.turn();
    return forgotten > 0;
  }

  /**
   * Returns the latency that a share `q` of the values does not exceed: by nearest rank, in milliseconds. NaN where there is
   * no value.
   *
   * @param q - Above 0, up to 1.
   */
  quantile(q: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(q * this.count));
    let index = -1;
    for (let seen = 0; seen < rank;) {
      index++;
      seen += (this.younger[index] as number) + (this.older[index] as number);
    }
    return this.middleOf(index);
  }

  // --- internal ---

  /** The bucket of a latency in whole units: the exponent above the precision, then the leading bits. */
  private indexOf(units: number): number {
    const shift = Math.max(31 - Math.clz32(units) - this.precisionBits, 0);
    return (shift << this.precisionBits) + (units >>> shift);
  }

  /** The middle of a bucket, in milliseconds. */
  private middleOf(index: number): number {
    const shift = Math.max((index >>> this.precisionBits) - 1, 0);
    const leading = index - (shift << this.precisionBits);
    return (leading + 0.5) * 2 ** shift * this.unitMs; // (1)
  }

  /** The younger half becomes the older one; the older one's counters begin anew. */
  private turn(): void {
    const { younger, older } = this;
    if (this.olderCount > 0) older.fill(0);
    this.younger = older;
    this.older = younger;
    this.olderCount = this.youngerCount;
    this.youngerCount = 0;
  }
}

/** The most that a counter holds. */
const FULL = 2 ** 32 - 1;
