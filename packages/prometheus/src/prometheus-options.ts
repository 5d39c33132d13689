/**
 * Prometheus options: what an exporter may be told beside its sources, checked.
 *
 * Invariants
 *  (1) Nothing of the caller's is kept that the caller might change: not the records, nor the bounds.
 *
 * @module
 */

import { ConfigError, type Context, inRange, isFunction } from '@holdfast/core';
import {
  type CallDurations,
  type MetricSources,
  type MetricSourcesOptions,
  callBuckets,
  metricSourcesDefaults,
  resolveSources,
} from '@holdfast/metrics';

import type { PrometheusRegister } from './metric-set.ts';

/** Options of {@link prometheus}. Omitted ones take {@link prometheusDefaults}. */
export interface PrometheusOptions extends MetricSourcesOptions {
  /** The register of prom-client that the metrics go to. */
  readonly register: PrometheusRegister;
  /** What all names begin with. Letters, digits and underscores, no digit first; may be empty. @defaultValue 'holdfast_' */
  readonly prefix?: string | undefined;
  /**
   * Upper bounds of the buckets for the durations of calls. Milliseconds, above 0 and finite, the lowest first, 50 at most;
   * without any, durations are not measured. Of several calls for one register and prefix the first with any holds.
   * @defaultValue [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]
   */
  readonly durationBoundsMs?: readonly number[] | undefined;
  /**
   * Finds the id of the trace that a call is part of; undefined where it is part of none. Buckets then show a call as an example,
   * in the OpenMetrics format. Called in the path of calls: be quick. What it throws is reported.
   */
  readonly traceIdOf?: ((context: Context) => string | undefined) | undefined;
  /** Time of day of examples, in milliseconds since 1970. */
  readonly wallClock?: (() => number) | undefined;
}

/** Every default of {@link prometheus}, in one place. */
export const prometheusDefaults: {
  readonly prefix: string;
  readonly maxNames: number;
  readonly maxKeys: number;
  readonly durationBoundsMs: readonly number[];
  readonly wallClock: () => number;
} = Object.freeze({
  ...metricSourcesDefaults,
  prefix: 'holdfast_',
  durationBoundsMs: Object.freeze([5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]),
  // oxlint-disable-next-line no-restricted-globals -- examples carry the time of day; the clock that was handed in has none
  wallClock: () => Date.now(),
});

/** What an exporter shows, and where. */
export interface Settings {
  readonly register: PrometheusRegister;
  readonly prefix: string;
  readonly sources: MetricSources;
  readonly durations: CallDurations;
}

/**
 * Checks and completes options.
 *
 * @throws ConfigError when one is out of range.
 */
export function resolve(given: PrometheusOptions): Settings {
  const own = { defaults: prometheusDefaults, names: ['register', 'traceIdOf'] };
  const { sources, options } = resolveSources('prometheus', given, own);
  const { register, prefix, durationBoundsMs, traceIdOf, wallClock } = options;
  check('register', 'a Registry of prom-client', register, typeof register?.registerMetric === 'function');
  check('prefix', 'letters, digits and underscores, no digit first', prefix, /^(?:[a-zA-Z_]\w*)?$/.test(prefix));
  if (traceIdOf !== undefined) isFunction('prometheus.traceIdOf', traceIdOf);
  isFunction('prometheus.wallClock', wallClock);
  const durations = callBuckets('prometheus', { boundsMs: boundsOf(durationBoundsMs), traceIdOf, wallClock });
  return { register, prefix, sources, durations };
}

// --- internal ---

function boundsOf(bounds: readonly number[]): readonly number[] {
  const option = 'prometheus.durationBoundsMs';
  check('durationBoundsMs', 'a list of at most 50 numbers', bounds, Array.isArray(bounds) && bounds.length <= 50);
  let before = 0;
  for (const [at, bound] of bounds.entries()) {
    inRange(`${option}[${at}]`, bound, [Number.MIN_VALUE, Number.MAX_VALUE]);
    check(`durationBoundsMs[${at}]`, 'above the one before', bound, bound > before);
    before = bound;
  }
  return [...bounds]; // (1)
}

function check(option: string, expectation: string, value: unknown, isValid: boolean): void {
  if (!isValid) throw new ConfigError(`prometheus.${option}`, expectation, value);
}
