/**
 * Latency buckets: how long the calls of a pipeline took since somebody last asked, whatever their number.
 *
 * Invariants
 *  (1) Its memory does not depend on the number of calls. A quantile is off by a tenth of its value at most, above 0.25 ms.
 *  (2) Once it is detached, the pipeline measures no call for it.
 *
 * Source: buckets at a constant ratio, as in HdrHistogram, G. Tene, 2012, https://github.com/HdrHistogram/HdrHistogram.
 * Deviation: four buckets per power of two, and nothing but them.
 *
 * @module
 */

/** Quantiles of the latencies of calls. Milliseconds. */
export type Latencies = readonly [p50Ms: number, p95Ms: number, p99Ms: number];

/** A pipeline that can be measured, as core makes them. */
export interface Meterable {
  meterWith(meter: { record(call: { readonly durationMs: number; readonly callCount: number }): void }): {
    renew(): void;
    detach(): void;
  };
}

/** Latencies of the calls of one pipeline. */
export class LatencyBuckets {
  readonly #counts = new Float64Array(BUCKETS);
  readonly #attached: ReturnType<Meterable['meterWith']>;

  constructor(pipeline: Meterable) {
    this.#attached = pipeline.meterWith({ record: (call) => this.#record(call) });
  }

  /** Returns the latencies since the last `take`, and forgets them. Undefined where there were no calls. */
  take(): Latencies | undefined {
    const counts = this.#counts;
    const count = counts.reduce((sum, one) => sum + one, 0);
    const found =
      count === 0 ? undefined : ([0.5, 0.95, 0.99].map((share) => quantileOf(counts, count * share)) as never);
    counts.fill(0);
    this.#attached.renew();
    return found;
  }

  detach(): void {
    this.#attached.detach(); // (2)
  }

  #record({ durationMs, callCount }: { readonly durationMs: number; readonly callCount: number }): void {
    const index = Math.ceil(PER_POWER * Math.log2(Math.max(durationMs, FIRST_MS) / FIRST_MS));
    (this.#counts[Math.min(index, BUCKETS - 1)] as number) += callCount;
  }
}

/** Whether a pipeline can be measured. */
export function isMeterable(policy: object): policy is Meterable {
  return typeof (policy as Partial<Meterable>).meterWith === 'function';
}

// --- internal ---

const BUCKETS = 100;
const PER_POWER = 4;
const FIRST_MS = 0.25;

/** The latency that so many calls do not exceed: the middle of its bucket. */
function quantileOf(counts: Float64Array, rank: number): number {
  let seen = 0;
  const index = counts.findIndex((count) => (seen += count) >= rank && seen > 0);
  const middle = FIRST_MS * 2 ** ((Math.max(index, 0) - 0.5) / PER_POWER); // (1)
  return Number(middle.toPrecision(3));
}
