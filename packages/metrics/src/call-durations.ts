/**
 * Call durations: how the durations of calls are measured, which every exporter may do in its own way.
 *
 *   pull   a meter keeps them in buckets, and they are read with all else    `callBuckets`, for Prometheus
 *   push   a meter hands each on as the call ends, and nothing is read       a histogram of OpenTelemetry
 *
 * @module
 */

import type { CallCounts, CallMeter, CallOutcome } from '@holdfast/core';

import { COUNT, type Exemplar, SUM, type Sample } from './sample.ts';

/** How the durations of calls are measured. */
export interface CallDurations {
  /**
   * Upper bounds of the buckets, the lowest first, without Infinity; without any, nothing is measured. Milliseconds. Of several
   * that share a reader the first with any holds, since histograms of other buckets cannot be added up.
   */
  readonly boundsMs: readonly number[];
  /** Makes what is told of the calls of a pipeline. `boundsMs` are those that hold. */
  meterOf(pipeline: string, boundsMs: readonly number[]): DurationMeter;
}

/** What is told of each measured call of one pipeline. */
export interface DurationMeter extends CallMeter {
  /** What it has counted, for the series of the table; without it there are none. Called once per reading. */
  read?(): readonly DurationReading[];
  /** Called when the pipeline has left, or is not measured any more. */
  close?(): void;
}

/** The durations of calls that ended in one way. */
export interface DurationReading {
  readonly outcome: CallOutcome;
  /** For each bound, and Infinity, how many calls took at most that. */
  readonly counts: readonly number[];
  /** For each of them a call that is an example, where there is one. */
  readonly exemplars: readonly (Exemplar | undefined)[];
  readonly sumMs: number;
}

/** A pipeline at one instant. */
export interface PipelineReading extends CallCounts {
  /** Upper bounds of the buckets. Milliseconds. */
  readonly boundsMs?: readonly number[] | undefined;
  /** Undefined where durations are not measured, or not read. */
  readonly durations?: readonly DurationReading[] | undefined;
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
