/**
 * Sample: one value of a metric, with a call that is an example of it, and the shape of histograms.
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

/** A call that is an example, as prom-client writes it. */
export interface Exemplar {
  readonly labelSet: { readonly trace_id: string };
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** The label of a bucket's bound. prom-client keeps it for itself. */
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
