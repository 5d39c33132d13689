/**
 * Metric row: one metric that is read of policies, and the instrument that shows it.
 *
 * Names, labels and texts are those of the table of `@holdfast/prometheus`, which holds them to these by a test: one is what the
 * other is called after the usual translation, so that dashboards and alerts fit both.
 *
 * @module
 */

import type {
  BulkheadSnapshot,
  CacheSnapshot,
  CallCounts,
  ChaosSnapshot,
  CircuitSnapshot,
  CoalesceSnapshot,
  FallbackSnapshot,
  HedgeSnapshot,
  KeyedSnapshot,
  RateLimiterSnapshot,
  RetrySnapshot,
  TimeoutSnapshot,
} from '@holdfast/core';

import type { Sample } from './sample.ts';

/** What is read of each kind of policy. */
export interface ReadablePolicy {
  readonly 'circuit-breaker': CircuitSnapshot;
  readonly bulkhead: BulkheadSnapshot;
  readonly retry: RetrySnapshot;
  readonly fallback: FallbackSnapshot;
  readonly pipeline: CallCounts;
  readonly 'rate-limiter': Omit<RateLimiterSnapshot, 'backlogMs'>;
  readonly hedge: HedgeSnapshot;
  readonly coalesce: CoalesceSnapshot;
  readonly cache: CacheSnapshot;
  readonly timeout: TimeoutSnapshot;
  readonly chaos: ChaosSnapshot;
  readonly keyed: KeyedSnapshot;
}

/** One metric and how it is read. */
export interface MetricRow {
  /** The name in the table, without a prefix: `calls_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** What one of it is: `calls`, `seconds`, ... */
  readonly unit: string;
  /** Whether values of several processes add up. */
  readonly isSum: boolean;
  readonly read: { readonly [K in keyof ReadablePolicy]?: (reading: ReadablePolicy[K]) => readonly Sample[] };
}

type Entry = Pick<MetricRow, 'help' | 'unit' | 'read'> & { readonly fold?: 'sum' | 'max' | 'one-hot' };

/** Makes the row of a counter. */
export function counter(name: string, { help, unit, read }: Entry): MetricRow {
  return Object.freeze({ name, type: 'counter', help, unit, read, isSum: true });
}

/** Makes the row of a gauge: sums, unless it says otherwise. */
export function gauge(name: string, { help, unit, read, fold = 'sum' }: Entry): MetricRow {
  return Object.freeze({ name, type: 'gauge', help, unit, read, isSum: fold === 'sum' });
}

/**
 * The name of an instrument: dotted, without what a translation to Prometheus adds by itself. `circuit_state_seconds` keeps its
 * unit, since `circuit_state` is another metric.
 */
export function instrumentName({ name }: Pick<MetricRow, 'name'>, prefix: string): string {
  const bare = name.replace(/_total$/, '');
  const plain = bare === 'circuit_state_seconds' ? bare : bare.replace(/_seconds$/, '');
  return prefix + plain.replace('_', '.');
}

/** The unit of an instrument: seconds as `s`, all else as what is counted. */
export function instrumentUnit({ unit }: Pick<MetricRow, 'unit'>): string {
  return unit === 'seconds' ? 's' : `{${unit.replaceAll(' ', '_')}}`;
}
