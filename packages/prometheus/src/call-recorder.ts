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

import {
  type CallCounts,
  type CallMeter,
  type CallOutcome,
  type Context,
  type MeasuredCall,
  reportHookError,
} from '@holdfast/core';

import { COUNT, type Exemplar, SUM, type Sample } from './sample.ts';

/** What a recorder is made for. */
export interface RecorderSettings {
  /** Upper bounds of the buckets, the lowest first, without Infinity. Milliseconds. */
  readonly boundsMs: readonly number[];
  /** Finds the id of the trace that a call is part of; undefined where none is asked for. */
  readonly traceIdOf: ((context: Context) => string | undefined) | undefined;
  /** Time of day, for examples. Milliseconds since 1970. */
  readonly wallClock: () => number;
}

/** The durations of calls that ended in one way. */
export interface DurationReading {
  readonly outcome: CallOutcome;
  /** For each bound, and Infinity, how many calls took at most that. */
  readonly counts: readonly number[];
  readonly exemplars: readonly (Exemplar | undefined)[];
  readonly sumMs: number;
}

/** A pipeline at one instant. */
export interface PipelineReading extends CallCounts {
  /** Upper bounds of the buckets. Milliseconds. */
  readonly boundsMs?: readonly number[] | undefined;
  /** Undefined where durations are not measured. */
  readonly durations?: readonly DurationReading[] | undefined;
}

/** Counts the durations of calls. */
export class CallRecorder implements CallMeter {
  readonly settings: RecorderSettings;
  readonly #byOutcome: Readonly<Record<CallOutcome, Buckets>>;

  constructor(settings: RecorderSettings) {
    this.settings = settings;
    const size = settings.boundsMs.length + 1;
    this.#byOutcome = {
      success: new Buckets(size),
      failure: new Buckets(size),
      rejected: new Buckets(size),
      cancelled: new Buckets(size),
    };
  }

  record({ outcome, durationMs, context, callCount }: MeasuredCall): void {
    const { boundsMs, traceIdOf } = this.settings;
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

  #exemplify(
    buckets: Buckets,
    at: number,
    { durationMs, context }: Pick<MeasuredCall, 'durationMs' | 'context'>,
  ): void {
    try {
      const traceId = this.settings.traceIdOf?.(context);
      if (typeof traceId !== 'string' || traceId === '' || traceId.length > MAX_TRACE_ID) return;
      buckets.take(at, {
        labelSet: { trace_id: traceId },
        value: durationMs / 1000,
        timestamp: this.settings.wallClock() / 1000,
      });
    } catch (error) {
      reportHookError('prometheus.traceIdOf', error); // (3)
    }
  }
}

/** Returns the durations of a pipeline's calls; none where they are not measured. */
export function durationSamples({ boundsMs = [], durations = [] }: PipelineReading): readonly Sample[] {
  const bounds = [...boundsMs.map((bound) => String(bound / 1000)), '+Inf'];
  return durations.flatMap(({ outcome, counts, exemplars, sumMs }) => [
    ...bounds.map((le, at) => ({ labels: { outcome, le }, value: counts[at] ?? 0, exemplar: exemplars[at] })),
    { labels: { outcome, le: SUM }, value: sumMs / 1000 },
    { labels: { outcome, le: COUNT }, value: counts.at(-1) ?? 0 },
  ]);
}

// --- internal ---

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
