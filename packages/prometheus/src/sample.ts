/**
 * Sample: one value of a metric, and the shapes that most metrics have.
 *
 * @module
 */

import type { HistogramReading } from './context-source.ts';

/** One value under the labels that stand beside the name. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
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

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** A metric without labels of its own. */
export function single(value: number): readonly Sample[] {
  return [{ labels: noLabels, value }];
}

/** The same, absent where there is no value. */
export function optional(value: number | undefined): readonly Sample[] {
  return value === undefined || !Number.isFinite(value) ? [] : single(value);
}

/** The same, of milliseconds. */
export function optionalSeconds(ms: number | undefined): readonly Sample[] {
  return ms === undefined ? [] : optional(ms / 1000);
}

/** One sample per value of `label`. */
export function byLabel<V extends string>(label: string, values: Readonly<Record<V, number>>): readonly Sample[] {
  return Object.entries<number>(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
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
