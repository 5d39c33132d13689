/**
 * Metrics of policies, for exporters: the one table of what policies count, what it is called, and how it is read.
 *
 * Invariants
 *  (1) Label values, but for the name of the policy, are of closed sets.
 *  (2) Every label combination of a policy is there from its birth, with 0 where nothing has happened yet.
 *
 * @module
 */

import { chaosRows, hedgeRows, keyedRows, limiterRows } from './limit-rows.ts';
import type { PolicyMetric } from './policy-metric.ts';
import { bulkheadRows, callRows, circuitRows, retryRows } from './policy-rows.ts';
import { reuseRows } from './reuse-rows.ts';

export { type PolicyMetric, type PolicyReadings } from './policy-metric.ts';
export { type Sample, byLabel, optional, optionalSeconds, single } from './sample.ts';
export { shownPolicies } from './shown-policies.ts';

/**
 * Every metric of policies, in the order in which they are shown. Each is read of `policy.snapshot()`, and of a pipeline's
 * `calls`.
 *
 * @example
 * ```ts
 * const [state] = policyMetrics.filter(({ name }) => name === 'circuit_state');
 * state?.read['circuit-breaker']?.(breaker.snapshot());
 * ```
 */
export const policyMetrics: readonly PolicyMetric[] = Object.freeze([
  ...callRows,
  ...retryRows,
  ...circuitRows,
  ...bulkheadRows,
  ...limiterRows,
  ...hedgeRows,
  ...reuseRows,
  ...chaosRows,
  ...keyedRows,
]);
