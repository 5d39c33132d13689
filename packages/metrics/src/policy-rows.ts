/**
 * Policy rows: the metrics of policies, which are those of core, and the durations that only an exporter measures.
 *
 * @module
 */

import { policyMetrics } from '@holdfast/core/metrics';

import { durationSamples } from './call-durations.ts';
import { type MetricRow, histogram, policyRow } from './metric-row.ts';

const durationRow = histogram('call_duration_seconds', ['name', 'outcome'], {
  help: 'Time that calls of a pipeline took, by how they ended. Of very many calls, those that are measured stand for the others.',
  unit: 'seconds',
  read: { pipeline: durationSamples },
});

/** Every metric of policies, the durations of calls behind their numbers. */
export const policyRows: readonly MetricRow[] = policyMetrics.flatMap((metric) =>
  metric.name === 'calls_in_flight' ? [policyRow(metric), durationRow] : [policyRow(metric)],
);
