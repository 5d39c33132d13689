/**
 * Sample: one value of a metric, with a call that is an example of it, and the shape of histograms.
 *
 * The buckets of a histogram, its sum and its count are samples of one metric, told apart by the label `le`.
 *
 * @module
 */

import type { Sample as PlainSample } from '@holdfast/core/metrics';

import type { HistogramReading } from './context-source.ts';

/** One value under the labels that stand beside the name. */
export interface Sample extends PlainSample {
  /** A call that is an example of a bucket. */
  readonly exemplar?: Exemplar | undefined;
}

/** A call that is an example of a bucket. */
export interface Exemplar {
  /** The trace that it was part of. */
  readonly traceId: string;
  readonly durationMs: number;
  /** When it ended. Milliseconds since 1970. */
  readonly atMs: number;
}

/** The label of a bucket's bound. */
export const BOUND_LABEL = 'le';

/** What stands in the place of a bound for the sum and the count. */
export const SUM = 'sum';
export const COUNT = 'count';

/** Returns a reading as samples of one metric. */
export function histogramSamples({ bounds, counts, sum, count }: HistogramReading): readonly Sample[] {
  return [
    ...bounds.map((bound, at) => ({
      labels: { le: bound === Infinity ? '+Inf' : String(bound) },
      value: counts[at] ?? 0,
    })),
    { labels: { le: SUM }, value: sum },
    { labels: { le: COUNT }, value: count },
  ];
}

/** What one series of a histogram is. */
export type HistogramPart = 'bucket' | 'sum' | 'count';

/** Returns what the series of a histogram with these labels is. */
export function histogramPart({ le }: Readonly<Record<string, string>>): HistogramPart {
  return le === SUM || le === COUNT ? le : 'bucket';
}
