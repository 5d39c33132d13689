/**
 * Feature rows: the metrics of features, of the brownout level, and of contexts.
 *
 * @module
 */

import { optional, optionalSeconds, single } from '@holdfast/core/metrics';

import type { FeatureReading } from './degradation-source.ts';
import { type MetricRow, counter, gauge, histogram } from './metric-row.ts';
import { type Sample, histogramSamples } from './sample.ts';

/** Features and the level. */
export const featureRows: readonly MetricRow[] = [
  gauge('feature_mode', ['feature', 'mode'], {
    help: 'Whether a feature is in this mode: 1 for the mode that it is in, 0 for the others.',
    unit: '0 or 1',
    fold: 'one-hot',
    read: { feature: featureModes },
  }),
  gauge('feature_degraded', ['feature'], {
    help: 'Whether a feature is in another mode than its default.',
    unit: '0 or 1',
    fold: 'max',
    read: {
      feature: ({ mode, modes, defaultMode = modes[0] }) => single(Number(mode !== defaultMode)),
    },
  }),
  gauge('feature_level', ['feature'], {
    help: 'Brownout level that a feature is at.',
    unit: 'levels',
    fold: 'max',
    read: { feature: ({ level }) => optional(level) },
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
    read: { feature: ({ revision }) => optional(revision) },
  }),
  gauge('feature_override_remaining_seconds', ['feature'], {
    help: 'Time until the override of a feature ends; absent while nothing overrides it.',
    unit: 'seconds',
    fold: 'max',
    read: { feature: ({ override }) => optionalSeconds(override?.remainingMs) },
  }),
  gauge('brownout_level', ['name'], {
    help: 'Brownout level that holds; 0 is normal.',
    unit: 'levels',
    fold: 'max',
    read: { brownout: ({ level }) => single(level) },
  }),
  gauge('brownout_local_level', ['name'], {
    help: 'Brownout level that this process would choose by itself.',
    unit: 'levels',
    fold: 'max',
    read: { brownout: ({ localLevel }) => single(localLevel) },
  }),
  gauge('brownout_max_level', ['name'], {
    help: 'The highest brownout level that there is.',
    unit: 'levels',
    fold: 'max',
    read: { brownout: ({ maxLevel }) => single(maxLevel) },
  }),
  gauge('brownout_pressure', ['name', 'signal'], {
    help: 'What a signal of overload comes to: 0 no pressure, 1 its upper threshold; absent while it is not known.',
    unit: 'ratio',
    fold: 'max',
    read: {
      brownout: ({ signals }) => signals.map(({ signal, pressure }) => ({ labels: { signal }, value: pressure })),
    },
  }),
];

/** Contexts of requests. */
export const contextRows: readonly MetricRow[] = [
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
];

// --- internal ---

function featureModes({ modes, mode: current }: FeatureReading): readonly Sample[] {
  if (!modes.includes(current)) throw new RangeError(`"${current}" is none of ${modes.join(', ')}`);
  return modes.map((mode) => ({ labels: { mode }, value: mode === current ? 1 : 0 }));
}

function featureCalls({ modes, served }: FeatureReading): readonly Sample[] {
  const all = new Set([...modes, ...Object.keys(served)]);
  return [...all].map((mode) => ({ labels: { mode }, value: Object.hasOwn(served, mode) ? (served[mode] ?? 0) : 0 }));
}
