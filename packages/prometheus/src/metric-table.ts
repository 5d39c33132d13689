/**
 * Metric table: every metric there is, what it is called, what it means, and what it is read from.
 *
 * The collectors are driven by it, and the table in the documentation is generated from it.
 *
 * Invariants
 *  (1) A series' label values, but for the name of its policy or feature and a feature's modes, are of a closed set.
 *  (2) Every label combination of a policy is there from its birth, with 0 where nothing has happened yet.
 *  (3) A one-hot gauge lists its states from the best to the worst, and exactly one of them is 1.
 *
 * @module
 */

import type {
  BulkheadRefusal,
  BulkheadSnapshot,
  CallCounts,
  CircuitSnapshot,
  Fallback,
  Retry,
  StoreHealth,
  Verdict,
} from '@holdfast/core';

import { circuitRejections, circuitStateSamples, circuitTransitions } from './circuit-samples.ts';
import type { ContextReading } from './context-source.ts';
import type { FeatureReading } from './degradation-source.ts';
import { BOUND_LABEL, type Sample, byLabel, histogramSamples, single } from './sample.ts';
import { storeModes, storeOperations } from './store-samples.ts';

/** One metric, for people and for programs that make dashboards and rules. */
export interface MetricDescription {
  /** Name without the prefix: `circuit_state`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** What one of it is: `calls`, `seconds`, ... */
  readonly unit: string;
  readonly labels: readonly string[];
  /** How the values of several processes are put together into one. */
  readonly aggregator: 'sum' | 'max';
}

/** What is read of each kind of policy, and of a feature. */
export interface Readable {
  readonly 'circuit-breaker': CircuitSnapshot;
  readonly bulkhead: BulkheadSnapshot;
  readonly retry: Pick<Retry, 'retriedCount'>;
  readonly fallback: Pick<Fallback<unknown>, 'usedCount'>;
  readonly pipeline: CallCounts;
  readonly feature: FeatureReading;
  readonly store: StoreHealth;
  readonly context: ContextReading;
}

/** A kind of policy that has metrics, or `feature`, `store` or `context`. */
export type Kind = keyof Readable;

/** One metric and how it is read. */
export interface MetricRow extends MetricDescription {
  /** The label that holds the name of the policy or feature. */
  readonly nameLabel: 'name' | 'feature';
  /** How values under the same labels are put together. */
  readonly fold: 'sum' | 'max' | 'one-hot';
  readonly read: { readonly [K in Kind]?: (reading: Readable[K]) => readonly Sample[] };
}

/** Every metric, in the order in which they are shown. */
export const metricTable: readonly MetricRow[] = Object.freeze([
  counter('calls_total', ['name', 'outcome'], {
    help: 'Calls of a pipeline that have ended, by how they ended.',
    unit: 'calls',
    read: {
      pipeline: ({ success, failure, rejected, cancelled }) =>
        byLabel('outcome', { success, failure, rejected, cancelled }),
    },
  }),
  gauge('calls_in_flight', ['name'], {
    help: 'Calls of a pipeline that have not ended yet.',
    unit: 'calls',
    read: { pipeline: ({ running }) => single(running) },
  }),
  counter('rejections_total', ['policy', 'name', 'reason'], {
    help: 'Calls that a policy refused to run, by reason.',
    unit: 'calls',
    read: {
      'circuit-breaker': ({ rejections }) => circuitRejections(rejections),
      bulkhead: ({ rejections }) =>
        bulkheadRejectionLabels.map(({ refusal, labels }) => ({ labels, value: rejections[refusal] })),
    },
  }),
  counter('retries_total', ['name'], {
    help: 'Tries beyond the first that a retry has started.',
    unit: 'tries',
    read: { retry: ({ retriedCount }) => single(retriedCount) },
  }),
  counter('fallbacks_total', ['name'], {
    help: 'Errors that a fallback has answered, or tried to.',
    unit: 'calls',
    read: { fallback: ({ usedCount }) => single(usedCount) },
  }),
  gauge('circuit_state', ['name', 'state'], {
    help: 'Whether a circuit is in this state: 1 for the state that it is in, 0 for the others.',
    unit: '0 or 1',
    fold: 'one-hot',
    read: { 'circuit-breaker': ({ state }) => circuitStateSamples(state) },
  }),
  counter('circuit_transitions_total', ['name', 'from', 'to'], {
    help: 'Changes of state of a circuit.',
    unit: 'changes',
    read: { 'circuit-breaker': ({ transitions }) => circuitTransitions(transitions) },
  }),
  counter('circuit_calls_total', ['name', 'verdict'], {
    help: 'Calls that a circuit breaker let through and that have ended, by what they say about the dependency.',
    unit: 'calls',
    read: { 'circuit-breaker': ({ verdicts }) => byLabel<Verdict>('verdict', verdicts) },
  }),
  gauge('bulkhead_running_calls', ['name'], {
    help: 'Calls that run inside a bulkhead.',
    unit: 'calls',
    read: { bulkhead: ({ running }) => single(running) },
  }),
  gauge('bulkhead_queued_calls', ['name'], {
    help: 'Calls that wait for a permit of a bulkhead.',
    unit: 'calls',
    read: { bulkhead: ({ queued }) => single(queued) },
  }),
  gauge('bulkhead_max_concurrent_calls', ['name'], {
    help: 'Calls that may run inside a bulkhead at once.',
    unit: 'calls',
    read: { bulkhead: ({ maxConcurrent }) => single(maxConcurrent) },
  }),
  gauge('bulkhead_max_queued_calls', ['name'], {
    help: 'Calls that may wait for a permit of a bulkhead.',
    unit: 'calls',
    read: { bulkhead: ({ maxQueued }) => single(maxQueued) },
  }),
  gauge('store_mode', ['name', 'mode'], {
    help: 'Whether circuits are shared with other processes: 1 for the mode that the store is in, 0 for the other.',
    unit: '0 or 1',
    fold: 'one-hot',
    read: { store: storeModes },
  }),
  counter('store_operations_total', ['name', 'operation', 'result'], {
    help: 'Requests to the store of circuits, by what was asked and how it ended.',
    unit: 'requests',
    read: { store: storeOperations },
  }),
  counter('store_latency_seconds_total', ['name'], {
    help: 'Time that answered requests to the store took, all together: divide its rate by that of the requests with the result ok.',
    unit: 'seconds',
    read: { store: ({ latency }) => single(latency.sumMs / 1000) },
  }),
  gauge('store_nodes', ['name'], {
    help: 'Processes that share circuits, as the store knows.',
    unit: 'processes',
    fold: 'max',
    read: { store: ({ nodes }) => single(nodes) },
  }),
  gauge('feature_mode', ['feature', 'mode'], {
    help: 'Whether a feature is in this mode: 1 for the mode that it is in, 0 for the others.',
    unit: '0 or 1',
    fold: 'one-hot',
    read: { feature: featureModes },
  }),
  counter('feature_calls_total', ['feature', 'mode'], {
    help: 'Calls of a feature, by the mode whose function was called.',
    unit: 'calls',
    read: { feature: featureCalls },
  }),
  counter('feature_changes_total', ['feature'], {
    help: 'Changes that people made to a feature, through any process; expiries are none.',
    unit: 'changes',
    aggregator: 'max',
    read: { feature: ({ revision }) => (revision === undefined ? [] : single(revision)) },
  }),
  gauge('feature_override_remaining_seconds', ['feature'], {
    help: 'Time until the override of a feature ends; absent while nothing overrides it.',
    unit: 'seconds',
    fold: 'max',
    read: { feature: ({ override }) => (override === undefined ? [] : single(override.remainingMs / 1000)) },
  }),
  counter('contexts_total', ['name'], {
    help: 'Contexts of requests that were opened.',
    unit: 'contexts',
    read: { context: ({ openedCount }) => single(openedCount) },
  }),
  gauge('contexts_open', ['name'], {
    help: 'Contexts of requests that have not ended yet.',
    unit: 'contexts',
    read: { context: ({ openCount }) => single(openCount) },
  }),
  counter('context_leaks_total', ['name'], {
    help: 'Contexts without a deadline that nobody has ended for too long.',
    unit: 'contexts',
    read: { context: ({ leakCount }) => single(leakCount) },
  }),
  histogram('context_size_bytes', ['name'], {
    help: 'Size of the declared values of contexts when they were opened.',
    unit: 'bytes',
    read: { context: ({ sizeBytes }) => histogramSamples(sizeBytes) },
  }),
  histogram('context_ttl_seconds', ['name'], {
    help: 'Time until the deadline of contexts when they were opened, of those that have one.',
    unit: 'seconds',
    read: { context: ({ ttlSeconds }) => histogramSamples(ttlSeconds) },
  }),
] satisfies MetricRow[]);

/** What every metric is called and means, in the order in which they are shown. */
export const metricDescriptions: readonly MetricDescription[] = Object.freeze(
  metricTable.map(({ name, type, help, unit, labels, aggregator }) =>
    Object.freeze({ name, type, help, unit, labels, aggregator }),
  ),
);

// --- internal ---

type Entry = Pick<MetricRow, 'help' | 'unit' | 'read'> & Partial<Pick<MetricRow, 'fold' | 'aggregator'>>;

function counter(name: string, labels: readonly string[], entry: Entry): MetricRow {
  return row({ name, type: 'counter', labels, aggregator: 'sum', fold: 'sum', ...entry });
}

function gauge(name: string, labels: readonly string[], entry: Entry): MetricRow {
  const { fold = 'sum' } = entry;
  return row({ name, type: 'gauge', labels, aggregator: fold === 'sum' ? 'sum' : 'max', ...entry, fold });
}

function histogram(name: string, labels: readonly string[], entry: Entry): MetricRow {
  const all = [...labels, BOUND_LABEL];
  return row({ name, type: 'histogram', labels: all, aggregator: 'sum', fold: 'sum', ...entry });
}

function row(parts: Omit<MetricRow, 'nameLabel'>): MetricRow {
  return Object.freeze({ ...parts, nameLabel: parts.labels.includes('feature') ? 'feature' : 'name' });
}

const bulkheadReasons: Readonly<Record<BulkheadRefusal, string>> = {
  'queue-full': 'queue_full',
  'would-miss-deadline': 'would_miss_deadline',
  'max-wait': 'max_wait',
  evicted: 'evicted',
};

const bulkheadRejectionLabels = Object.entries(bulkheadReasons).map(([refusal, reason]) => ({
  refusal: refusal as BulkheadRefusal,
  labels: { policy: 'bulkhead', reason },
}));

function featureModes({ modes, mode: current }: FeatureReading): readonly Sample[] {
  if (!modes.includes(current)) throw new RangeError(`"${current}" is none of ${modes.join(', ')}`); // (3)
  return modes.map((mode) => ({ labels: { mode }, value: mode === current ? 1 : 0 }));
}

function featureCalls({ modes, served }: FeatureReading): readonly Sample[] {
  const all = new Set([...modes, ...Object.keys(served)]);
  return [...all].map((mode) => ({ labels: { mode }, value: Object.hasOwn(served, mode) ? (served[mode] ?? 0) : 0 }));
}
