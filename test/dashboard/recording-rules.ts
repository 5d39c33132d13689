/**
 * Recording rules: what dashboards and alerts ask often, worked out once by the server.
 *
 * @module
 */

import { selector } from './metric-query.ts';

/** A series that the server makes of others. */
export interface RecordingRule {
  /** `level:metric:operation`, as is customary. */
  readonly record: string;
  readonly expr: string;
}

const rate = (name: string, ...matchers: readonly string[]): string => `rate(${selector(name, ...matchers)}[5m])`;

/** All of them. */
export const recordingRules: readonly RecordingRule[] = [
  {
    record: 'job_name:holdfast_calls:rate5m',
    expr: `sum by (job, name) (${rate('calls_total')})`,
  },
  {
    record: 'job_name:holdfast_failed_calls:ratio_rate5m',
    expr: `sum by (job, name) (${rate('calls_total', 'outcome="failure"')}) / (sum by (job, name) (${rate('calls_total')}) > 0)`,
  },
  {
    record: 'job_name:holdfast_dependency_failures:ratio_rate5m',
    expr: `sum by (job, name) (${rate('circuit_calls_total', 'verdict="failure"')}) / (sum by (job, name) (${rate('circuit_calls_total', 'verdict!="ignored"')}) > 0)`,
  },
  {
    record: 'job_name:holdfast_retry_amplification:ratio_rate5m',
    expr: `sum by (job, name) (${rate('attempts_total', 'policy="retry"')}) / (sum by (job, name) (${rate('attempts_total', 'policy="retry"')}) - sum by (job, name) (${rate('retries_total')}) > 0)`,
  },
  {
    record: 'job_name_policy_reason:holdfast_rejections:rate5m',
    expr: `sum by (job, name, policy, reason) (${rate('rejections_total')})`,
  },
  {
    record: 'job_name:holdfast_call_duration_seconds:p99_rate5m',
    expr: `histogram_quantile(0.99, sum by (job, name, le) (${rate('call_duration_seconds')}))`,
  },
];
