/**
 * Call recorder: the durations of the calls of one pipeline, by how they ended, in buckets; with a call of each bucket as an
 * example where it was part of a trace.
 *
 * Invariants
 *  (1) A call of exactly a bound counts in the bucket of that bound.
 *  (2) A bucket shows its first traced call since the last reading, and the one before until there is such a call.
 *  (3) What finds the trace of a call is asked at most once per bucket between two readings that find one; it may throw.
 *
 * @module
 */

import { type CallOutcome, type Context, type MeasuredCall, reportHookError } from '@holdfast/core';

import type { CallDurations, DurationMeter, DurationReading } from './call-durations.ts';
import type { Exemplar } from './sample.ts';

/** How calls are kept in buckets. */
export interface CallBucketsSettings {
  /** Upper bounds of the buckets, the lowest first, without Infinity; without any, nothing is measured. Milliseconds. */
  readonly boundsMs: readonly number[];
  /** Finds the id of the trace that a call is part of; without it there are no examples. Called in the path of calls. */
  readonly traceIdOf?: ((context: Context) => string | undefined) | undefined;
  /** Time of day, for examples. Milliseconds since 1970. */
  readonly wallClock: () => number;
}

/**
 * Measures durations by keeping them in buckets, which are read with all else.
 *
 * @param exporter what errors of `traceIdOf` are reported as: `prometheus.traceIdOf`.
 */
export function callBuckets(exporter: string, settings: CallBucketsSettings): CallDurations {
  const { boundsMs } = settings;
  const hook = `${exporter}.traceIdOf`;
  return { boundsMs, meterOf: (_pipeline, bounds) => new CallRecorder(hook, { ...settings, boundsMs: bounds }) };
}

/** Counts the durations of calls. */
export class CallRecorder implements DurationMeter {
  readonly #hook: string;
  readonly #settings: CallBucketsSettings;
  readonly #byOutcome: Readonly<Record<CallOutcome, Buckets>>;

  constructor(hook: string, settings: CallBucketsSettings) {
    this.#hook = hook;
    this.#settings = settings;
    const size = settings.boundsMs.length + 1;
    this.#byOutcome = {
      success: new Buckets(size),
      failure: new Buckets(size),
      rejected: new Buckets(size),
      cancelled: new Buckets(size),
    };
  }

  record({ outcome, durationMs, context, callCount }: MeasuredCall): void {
    const { boundsMs, traceIdOf } = this.#settings;
    const buckets = this.#byOutcome[outcome];
    let at = 0;
    while (at < boundsMs.length && durationMs > (boundsMs[at] as number)) at++; // (1)
    buckets.counts[at] = (buckets.counts[at] as number) + callCount;
    buckets.sumMs += durationMs * callCount;
    if (traceIdOf !== undefined && !buckets.isFresh(at)) this.#exemplify(buckets, at, { durationMs, context });
  }

  /** What it has counted. From now on each bucket takes a new example. */
  read(): readonly DurationReading[] {
    return outcomes.map((outcome) => this.#byOutcome[outcome].read(outcome));
  }

  // --- internal ---

  #exemplify(
    buckets: Buckets,
    at: number,
    { durationMs, context }: Pick<MeasuredCall, 'durationMs' | 'context'>,
  ): void {
    try {
      const traceId = this.#settings.traceIdOf?.(context);
      if (typeof traceId !== 'string' || traceId === '' || traceId.length > MAX_TRACE_ID) return;
      buckets.take(at, { traceId, durationMs, atMs: this.#settings.wallClock() });
    } catch (error) {
      reportHookError(this.#hook, error); // (3)
    }
  }
}

/** What OpenMetrics allows is 128 characters for names and values together. */
const MAX_TRACE_ID = 100;

const outcomes: readonly CallOutcome[] = ['success', 'failure', 'rejected', 'cancelled'];

/** The buckets of one outcome. */
class Buckets {
  readonly counts: Float64Array;
  sumMs = 0;
  readonly #exemplars: (Exemplar | undefined)[];
  #fresh = new Set<number>();

  constructor(size: number) {
    this.counts = new Float64Array(size);
    this.#exemplars = Array.from({ length: size }, () => undefined);
  }

  isFresh(at: number): boolean {
    return this.#fresh.has(at);
  }

  take(at: number, exemplar: Exemplar): void {
    this.#exemplars[at] = exemplar;
    this.#fresh.add(at);
  }

  read(outcome: CallOutcome): DurationReading {
    if (this.#fresh.size > 0) this.#fresh = new Set(); // (2)
    let upTo = 0;
    const counts = Array.from(this.counts, (count) => (upTo += count));
    return { outcome, counts, exemplars: [...this.#exemplars], sumMs: this.sumMs };
  }
}
