/**
 * Export metrics: what the policies of a registry count, and what else a service has that counts, as metrics of OpenTelemetry.
 *
 * Policies count by themselves; this reads their counts when the SDK collects. In between it does nothing but record the
 * durations of calls.
 *
 * Invariants
 *  (1) Each thing is read once per collection, however many metrics it has; what cannot be read is reported, and absent.
 *  (2) Attributes are of closed sets, but for names, features with their modes, and keys where they are asked for.
 *  (3) Without an SDK nothing is made and nothing is measured.
 *  (4) `close` takes away what its call brought, and nothing else.
 *
 * @module
 */

import { ConfigError, isName } from '@holdfast/core';
import { type MetricSourcesOptions, metricSourcesDefaults, resolveSources } from '@holdfast/metrics';
import { type MeterProvider, createNoopMeter, metrics } from '@opentelemetry/api';

import { instrumentSetOf } from './instrument-set.ts';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from './tracer-source.ts';

/** Options of {@link exportMetrics}. Omitted ones take {@link exportMetricsDefaults}. */
export interface ExportMetricsOptions extends MetricSourcesOptions {
  /** What collects; by default what is registered with `@opentelemetry/api` now, so start the SDK first. */
  readonly meterProvider?: MeterProvider | undefined;
  /** What all names begin with. Letters, digits, dots and underscores, a letter first; may be empty. @defaultValue 'holdfast.' */
  readonly prefix?: string | undefined;
  /**
   * Upper bounds that are proposed for the buckets of durations. Seconds, above 0 and finite, the lowest first; without any,
   * durations are not measured. Of several calls for one SDK and prefix the first with any holds.
   * @defaultValue [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
   */
  readonly durationBoundsSeconds?: readonly number[] | undefined;
}

/** Every default of {@link exportMetrics}, in one place. */
export const exportMetricsDefaults: {
  readonly prefix: string;
  readonly maxNames: number;
  readonly maxKeys: number;
  readonly durationBoundsSeconds: readonly number[];
} = Object.freeze({
  ...metricSourcesDefaults,
  prefix: 'holdfast.',
  durationBoundsSeconds: Object.freeze([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]),
});

/** What {@link exportMetrics} has begun. */
export interface MetricsExport {
  /** Ends it. May be called twice; does nothing the second time. */
  close(): void;
}

/**
 * Shows the policies of a registry as metrics, and what else is given: features, contexts, the brownout level, stores, outboxes,
 * background work, what is supervised, pools, servers, consumers.
 *
 * May be called again for the same SDK, with the same things or others: what is shown twice is counted once.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * const shown = exportMetrics({ registry });
 * ```
 */
export function exportMetrics(options: ExportMetricsOptions): MetricsExport {
  const { sources, meterProvider, prefix, durationBoundsSeconds } = resolve(options);
  const meter = (meterProvider ?? metrics.getMeterProvider()).getMeter(INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION);
  if (meter === createNoopMeter()) return { close: () => {} }; // (3)
  return { close: instrumentSetOf(meter, prefix).add(sources, durationBoundsSeconds) };
}

// --- internal ---

function resolve(given: ExportMetricsOptions) {
  const own = { defaults: exportMetricsDefaults, names: ['meterProvider'] };
  const { sources, options } = resolveSources('exportMetrics', given, own);
  const { meterProvider, prefix, durationBoundsSeconds: bounds } = options;
  if (meterProvider !== undefined)
    check('meterProvider', 'a MeterProvider', meterProvider, typeof meterProvider?.getMeter === 'function');
  if (prefix !== '') isName('exportMetrics.prefix', prefix);
  check('prefix', 'letters, digits, dots and underscores', prefix, /^(?:[a-zA-Z][\w.]*)?$/.test(prefix));
  const isRising = Array.isArray(bounds) && bounds.every((bound, at) => isBound(bound, bounds[at - 1] ?? 0));
  check('durationBoundsSeconds', 'a list of numbers above 0, the lowest first', bounds, isRising);
  return { sources, meterProvider, prefix, durationBoundsSeconds: [...bounds] };
}

function isBound(bound: unknown, above: number): boolean {
  return typeof bound === 'number' && bound > above && bound < Infinity;
}

function check(option: string, expectation: string, value: unknown, isRight: boolean): void {
  if (!isRight) throw new ConfigError(`exportMetrics.${option}`, expectation, value);
}
