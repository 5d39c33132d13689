/**
 * Export metrics: what the policies of a registry count, as metrics of OpenTelemetry.
 *
 * Policies count by themselves; this reads their counts when the SDK collects. In between it does nothing but record the
 * durations of calls.
 *
 * Invariants
 *  (1) Each policy is read once per collection, however many metrics it has; what cannot be read is reported, and absent.
 *  (2) Attributes are of closed sets, but for the names of policies.
 *  (3) Without an SDK nothing is made and nothing is measured.
 *  (4) `close` takes away what its call brought, and nothing else.
 *
 * @module
 */

import { ConfigError, type NamedPolicy, type Registry, isName, reportHookError, withKnown } from '@holdfast/core';
import {
  type PolicyMetric,
  type PolicyReadings,
  type Sample,
  policyMetrics,
  shownPolicies,
} from '@holdfast/core/metrics';
import {
  type BatchObservableResult,
  type Meter,
  type MeterProvider,
  type Observable,
  createNoopMeter,
  metrics,
} from '@opentelemetry/api';

import { CallDurations } from './call-durations.ts';
import { instrumentName, instrumentUnit } from './instrument-name.ts';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from './tracer-source.ts';

/** Options of {@link exportMetrics}. Omitted ones take {@link exportMetricsDefaults}. */
export interface ExportMetricsOptions {
  /** Whose policies are shown: those that are there at the time of each collection. */
  readonly registry: Registry;
  /** What collects; by default what is registered with `@opentelemetry/api` now, so start the SDK first. */
  readonly meterProvider?: MeterProvider | undefined;
  /** What all names begin with. @defaultValue 'holdfast.' */
  readonly prefix?: string | undefined;
  /**
   * Upper bounds that are proposed for the buckets of durations. Seconds, above 0 and finite, the lowest first; without any,
   * durations are not measured.
   * @defaultValue [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
   */
  readonly durationBoundsSeconds?: readonly number[] | undefined;
}

/** Every default of {@link exportMetrics}, in one place. */
export const exportMetricsDefaults: { readonly prefix: string; readonly durationBoundsSeconds: readonly number[] } =
  Object.freeze({
    prefix: 'holdfast.',
    durationBoundsSeconds: Object.freeze([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]),
  });

/** What {@link exportMetrics} has begun. */
export interface MetricsExport {
  /** Ends it. May be called twice; does nothing the second time. */
  close(): void;
}

/**
 * Shows the policies of a registry as metrics. Do it once per registry and SDK: twice would count everything twice.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * const shown = exportMetrics({ registry });
 * ```
 */
export function exportMetrics(options: ExportMetricsOptions): MetricsExport {
  const { registry, meterProvider, prefix, durationBoundsSeconds } = resolve(options);
  const meter = (meterProvider ?? metrics.getMeterProvider()).getMeter(INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION);
  if (meter === createNoopMeter()) return { close: () => {} }; // (3)
  const instruments = new Map(policyMetrics.map((row) => [row, instrumentOf(meter, row, prefix)] as const));
  const durations =
    durationBoundsSeconds.length === 0
      ? undefined
      : durationsOf(meter, options.registry, {
          prefix,
          boundaries: [...durationBoundsSeconds],
        });
  const collect = (result: BatchObservableResult): void => {
    for (const policy of shownPolicies(registry)) observe(policy, instruments, result);
    durations?.renew();
  };
  const observables = [...instruments.values()];
  meter.addBatchObservableCallback(collect, observables);
  return {
    close() {
      meter.removeBatchObservableCallback(collect, observables); // (4)
      durations?.close();
    },
  };
}

// --- internal ---

function instrumentOf(meter: Meter, row: PolicyMetric, prefix: string): Observable {
  const name = instrumentName(row, prefix);
  const options = { description: row.help, unit: instrumentUnit(row) };
  if (row.type === 'counter') return meter.createObservableCounter(name, options);
  return row.fold === 'sum'
    ? meter.createObservableUpDownCounter(name, options)
    : meter.createObservableGauge(name, options);
}

function durationsOf(
  meter: Meter,
  registry: Registry,
  { prefix, boundaries }: { readonly prefix: string; readonly boundaries: number[] },
): CallDurations {
  const histogram = meter.createHistogram(`${prefix}call.duration`, {
    description: 'Time that calls of a pipeline took, by how they ended.',
    unit: 's',
    advice: { explicitBucketBoundaries: boundaries },
  });
  return new CallDurations(registry, histogram);
}

/** Observes one policy: all of its metrics, or none where it cannot be read. */
function observe(
  policy: NamedPolicy<unknown>,
  instruments: ReadonlyMap<PolicyMetric, Observable>,
  result: BatchObservableResult,
): void {
  const { kind, name } = policy;
  try {
    const rows = policyMetrics.filter(({ read }) => Object.hasOwn(read, kind));
    if (rows.length === 0) return;
    const reading = readingOf(policy);
    for (const row of rows) {
      const samples = (row.read[kind as keyof PolicyReadings] as (of: unknown) => readonly Sample[])(reading); // (1)
      for (const { labels, value } of samples)
        result.observe(instruments.get(row) as Observable, value, { name, ...labels });
    }
  } catch (error) {
    reportHookError('opentelemetry.read', error, name);
  }
}

function readingOf(policy: NamedPolicy<unknown>): unknown {
  const { calls, snapshot } = policy as unknown as { readonly calls?: unknown; readonly snapshot?: unknown };
  return typeof snapshot === 'function' ? snapshot.call(policy) : calls;
}

function resolve(options: ExportMetricsOptions) {
  const resolved = withKnown('exportMetrics', exportMetricsDefaults, options, ['registry', 'meterProvider']);
  const { registry, meterProvider, prefix, durationBoundsSeconds: bounds } = resolved;
  check('registry', 'a Registry of @holdfast/core', registry, typeof registry?.watch === 'function');
  if (meterProvider !== undefined)
    check('meterProvider', 'a MeterProvider', meterProvider, typeof meterProvider?.getMeter === 'function');
  if (prefix !== '') isName('exportMetrics.prefix', prefix);
  check('prefix', 'letters, digits, dots and underscores', prefix, /^(?:[a-zA-Z][\w.]*)?$/.test(prefix));
  const isRising = Array.isArray(bounds) && bounds.every((bound, at) => isBound(bound, bounds[at - 1] ?? 0));
  check('durationBoundsSeconds', 'a list of numbers above 0, the lowest first', bounds, isRising);
  return { registry, meterProvider, prefix, durationBoundsSeconds: bounds };
}

function isBound(bound: unknown, above: number): boolean {
  return typeof bound === 'number' && bound > above && bound < Infinity;
}

function check(option: string, expectation: string, value: unknown, isRight: boolean): void {
  if (!isRight) throw new ConfigError(`exportMetrics.${option}`, expectation, value);
}
