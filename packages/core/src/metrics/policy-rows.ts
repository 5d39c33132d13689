/**
 * Policy rows: the metrics that several kinds of policy have, and those of pipelines, circuits, bulkheads and retries.
 *
 * @module
 */

import type { Verdict } from '../kernel/outcome.ts';
import type { BulkheadRefusal } from '../policies/bulkhead/bulkhead.ts';
import type { RetryGaveUpReason } from '../policies/retry/retry.ts';
import { circuitRejections, circuitStateSamples, circuitTransitions } from './circuit-samples.ts';
import { type PolicyMetric, counter, gauge } from './policy-metric.ts';
import { byLabel, optionalSeconds, single } from './sample.ts';

/** Calls, from the outside and at the policies. */
export const callRows: readonly PolicyMetric[] = [
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
  counter('attempts_total', ['policy', 'name'], {
    help: 'Times that a retry or a hedge has begun to run what is inside it, the first of each call included.',
    unit: 'tries',
    read: {
      retry: ({ calls, retried }) => of('retry', calls + retried),
      hedge: ({ calls, hedged }) => of('hedge', calls + hedged),
    },
  }),
  counter('rejections_total', ['policy', 'name', 'reason'], {
    help: 'Calls that a policy refused to run, by reason.',
    unit: 'calls',
    read: {
      'circuit-breaker': ({ rejections }) => circuitRejections(rejections),
      bulkhead: ({ rejections }) =>
        bulkheadRejectionLabels.map(({ refusal, labels }) => ({ labels, value: rejections[refusal] })),
      'rate-limiter': ({ rejected }) => [
        { labels: { policy: 'rate-limiter', reason: 'rate_limited' }, value: rejected },
      ],
    },
  }),
  counter('observed_total', ['policy', 'name'], {
    help: 'Calls that a policy under observe would have refused, ended or answered, and has not.',
    unit: 'calls',
    read: {
      'circuit-breaker': ({ observed }) => of('circuit-breaker', observed),
      bulkhead: ({ observed }) => of('bulkhead', observed),
      'rate-limiter': ({ observed }) => of('rate-limiter', observed),
      timeout: ({ observed }) => of('timeout', observed),
      retry: ({ wouldRetry }) => of('retry', wouldRetry),
      hedge: ({ observed }) => of('hedge', observed),
      fallback: ({ observed }) => of('fallback', observed),
      coalesce: ({ observed }) => of('coalesce', observed),
      cache: ({ observed }) => of('cache', observed),
      chaos: ({ observed }) => of('chaos', total(observed)),
    },
  }),
];

/** Retries and fallbacks. */
export const retryRows: readonly PolicyMetric[] = [
  counter('retries_total', ['name'], {
    help: 'Tries beyond the first that a retry has started.',
    unit: 'tries',
    read: { retry: ({ retried }) => single(retried) },
  }),
  counter('retry_recoveries_total', ['name'], {
    help: 'Calls that succeeded in a try beyond the first.',
    unit: 'calls',
    read: { retry: ({ recovered }) => single(recovered) },
  }),
  counter('retry_give_ups_total', ['name', 'reason'], {
    help: 'Calls that failed inside a retry, by the reason why no other try followed.',
    unit: 'calls',
    read: {
      retry: ({ gaveUp }) => giveUpLabels.map(({ reason, labels }) => ({ labels, value: gaveUp[reason] })),
    },
  }),
  gauge('retry_waiting_calls', ['name'], {
    help: 'Calls that wait for their next try.',
    unit: 'calls',
    read: { retry: ({ waiting }) => single(waiting) },
  }),
  gauge('retry_budget_saved_retries', ['name'], {
    help: 'Retries that the budget of a retry has room for now.',
    unit: 'tries',
    read: { retry: ({ budget }) => single(budget.saved) },
  }),
  counter('fallbacks_total', ['name'], {
    help: 'Errors that a fallback has answered, or tried to.',
    unit: 'calls',
    read: { fallback: ({ used }) => single(used) },
  }),
  counter('fallback_failures_total', ['name'], {
    help: 'Errors that no step of a fallback answered although one was asked.',
    unit: 'calls',
    read: { fallback: ({ failed }) => single(failed) },
  }),
];

/** Circuits. */
export const circuitRows: readonly PolicyMetric[] = [
  gauge('circuit_state', ['name', 'state'], {
    help: 'Whether a circuit is in this state: 1 for the state that it is in, 0 for the others.',
    unit: '0 or 1',
    fold: 'one-hot',
    read: { 'circuit-breaker': ({ state }) => circuitStateSamples(state) },
  }),
  gauge('circuit_state_seconds', ['name'], {
    help: 'Time since a circuit came into its state; absent while it has been in no other.',
    unit: 'seconds',
    fold: 'max',
    read: { 'circuit-breaker': ({ inStateMs }) => optionalSeconds(inStateMs) },
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
];

/** Bulkheads. */
export const bulkheadRows: readonly PolicyMetric[] = [
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
];

// --- internal ---

function of(policy: string, value: number) {
  return [{ labels: { policy }, value }];
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
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

const giveUpReasons: Readonly<Record<RetryGaveUpReason, string>> = {
  attempts: 'attempts',
  'not-retryable': 'not_retryable',
  nested: 'nested',
  budget: 'budget',
  deadline: 'deadline',
  elapsed: 'elapsed',
  'retry-after': 'retry_after',
  ended: 'ended',
};

const giveUpLabels = Object.entries(giveUpReasons).map(([reason, label]) => ({
  reason: reason as RetryGaveUpReason,
  labels: { reason: label },
}));
