/**
 * Metric row: one metric, for people and for programs, and how it is read.
 *
 * @module
 */

import type { PolicyMetric, PolicyReadings } from '@holdfast/core/metrics';

import type { PipelineReading } from './call-durations.ts';
import type { ContextReading } from './context-source.ts';
import type { FeatureReading } from './degradation-source.ts';
import type { ConsumerReading, GrpcReading, HttpReading } from './incoming-source.ts';
import { BOUND_LABEL, type Sample } from './sample.ts';
import type {
  BrownoutReading,
  OutboxReading,
  SqlReading,
  SupervisorReading,
  TrackerReading,
} from './service-source.ts';
import type { StoreReading } from './store-source.ts';

/** One metric, for people and for programs that make dashboards and rules. */
export interface MetricDescription {
  /** Name without the prefix: `circuit_state`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** What one of it is: `calls`, `seconds`, ... */
  readonly unit: string;
  /** Its labels. `key` is there only on series of the members of keyed policies. */
  readonly labels: readonly string[];
  /** How the values of several processes are put together into one. */
  readonly aggregator: 'sum' | 'max';
}

/** One metric, for exporters. */
export interface Metric extends MetricDescription {
  /** The label that holds the name of the policy or feature. */
  readonly nameLabel: 'name' | 'feature';
  /** How values under the same labels are put together. Of `one-hot` series exactly one is 1, and the others are 0. */
  readonly fold: 'sum' | 'max' | 'one-hot';
  /** Whether it is of something whose answers take time; what is not is known at once. */
  readonly isAwaited: boolean;
}

/** What is read of each kind of policy. */
export interface ReadablePolicy extends Omit<PolicyReadings, 'pipeline'> {
  readonly pipeline: PipelineReading;
}

/** What is read of each kind of policy, and of the other things that have metrics. */
export interface Readable extends ReadablePolicy {
  readonly feature: FeatureReading;
  readonly store: StoreReading;
  readonly context: ContextReading;
  readonly brownout: BrownoutReading;
  readonly outbox: OutboxReading;
  readonly tracker: TrackerReading;
  readonly supervisor: SupervisorReading;
  readonly sql: SqlReading;
  readonly http: HttpReading;
  readonly grpc: GrpcReading;
  readonly consumer: ConsumerReading;
}

/** A kind of policy that has metrics. */
export type PolicyKindName = keyof ReadablePolicy;

/** A kind of policy that has metrics, or one of the other things that have. */
export type Kind = keyof Readable;

/** One metric and how it is read. */
export interface MetricRow extends Metric {
  readonly read: { readonly [K in Kind]?: (reading: Readable[K]) => readonly Sample[] };
}

/** The label of the key of a keyed policy's member. */
export const KEY_LABEL = 'key';

type Entry = Pick<MetricRow, 'help' | 'unit' | 'read'> & Partial<Pick<MetricRow, 'fold' | 'aggregator'>>;

/** Makes the row of a counter. */
export function counter(name: string, labels: readonly string[], entry: Entry): MetricRow {
  return row({ name, type: 'counter', labels, aggregator: 'sum', fold: 'sum', ...entry });
}

/** Makes the row of a gauge: sums, unless it says otherwise. */
export function gauge(name: string, labels: readonly string[], entry: Entry): MetricRow {
  const { fold = 'sum' } = entry;
  return row({ name, type: 'gauge', labels, aggregator: fold === 'sum' ? 'sum' : 'max', ...entry, fold });
}

/** Makes the row of a metric that core has for its policies. */
export function policyRow(metric: PolicyMetric): MetricRow {
  return row({ ...metric, aggregator: metric.fold === 'sum' ? 'sum' : 'max' });
}

/** Makes the row of a histogram. */
export function histogram(name: string, labels: readonly string[], entry: Entry): MetricRow {
  const all = [...labels, BOUND_LABEL];
  return row({ name, type: 'histogram', labels: all, aggregator: 'sum', fold: 'sum', ...entry });
}

// --- internal ---

const policyKinds: { readonly [K in PolicyKindName]: true } = {
  'circuit-breaker': true,
  bulkhead: true,
  retry: true,
  fallback: true,
  pipeline: true,
  'rate-limiter': true,
  hedge: true,
  coalesce: true,
  cache: true,
  timeout: true,
  chaos: true,
  keyed: true,
};

/** Whether policies of that kind have metrics. */
export function isPolicyKind(kind: string): kind is PolicyKindName {
  return Object.hasOwn(policyKinds, kind);
}

function row(parts: Omit<MetricRow, 'nameLabel' | 'isAwaited'>): MetricRow {
  const ofPolicy = Object.keys(parts.read).some(isPolicyKind);
  const labels = ofPolicy ? [...parts.labels, KEY_LABEL] : parts.labels;
  const nameLabel = labels.includes('feature') ? 'feature' : 'name';
  return Object.freeze({ ...parts, labels, nameLabel, isAwaited: parts.read.outbox !== undefined });
}
