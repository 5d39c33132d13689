/**
 * Limit rows: the metrics of rate limiters, timeouts, hedges, chaos and keyed policies.
 *
 * @module
 */

import type { ChaosInjectionKind } from '../policies/chaos/chaos.ts';
import type { EvictionReason } from '../policies/keyed/keyed.ts';
import { type PolicyMetric, counter, gauge } from './policy-metric.ts';
import { byLabel, optionalSeconds, single } from './sample.ts';

/** Rate limiters and timeouts. */
export const limiterRows: readonly PolicyMetric[] = [
  counter('rate_limiter_admitted_total', ['name'], {
    help: 'Calls that a rate limiter has let through.',
    unit: 'calls',
    read: { 'rate-limiter': ({ admitted }) => single(admitted) },
  }),
  gauge('rate_limiter_available_permits', ['name'], {
    help: 'Calls that would start at once if they came now.',
    unit: 'calls',
    read: { 'rate-limiter': ({ available }) => single(Math.max(0, available)) },
  }),
  gauge('rate_limiter_queued_calls', ['name'], {
    help: 'Calls that wait for their turn at a rate limiter.',
    unit: 'calls',
    read: { 'rate-limiter': ({ queued }) => single(queued) },
  }),
  gauge('rate_limiter_max_calls_per_second', ['name'], {
    help: 'Calls per second that a rate limiter lets through for long.',
    unit: 'calls per second',
    fold: 'max',
    read: {
      'rate-limiter': ({ maxPerInterval, intervalMs }) => single((maxPerInterval * 1000) / intervalMs),
    },
  }),
  counter('timeouts_total', ['name'], {
    help: 'Calls that a timeout has ended.',
    unit: 'calls',
    read: { timeout: ({ timedOut }) => single(timedOut) },
  }),
  gauge('timeout_late_runs', ['name'], {
    help: 'Operations that go on although a timeout has ended their calls.',
    unit: 'runs',
    read: { timeout: ({ late }) => single(late) },
  }),
  counter('timeout_late_settlements_total', ['name'], {
    help: 'Operations that settled after a timeout had ended their calls.',
    unit: 'runs',
    read: { timeout: ({ settledLate }) => single(settledLate) },
  }),
];

/** Hedges. */
export const hedgeRows: readonly PolicyMetric[] = [
  counter('hedges_total', ['name'], {
    help: 'Copies that a hedge has started beyond the first of each call.',
    unit: 'tries',
    read: { hedge: ({ hedged }) => single(hedged) },
  }),
  counter('hedge_wins_total', ['name'], {
    help: 'Calls that a copy beyond the first has won.',
    unit: 'calls',
    read: { hedge: ({ wonByHedge }) => single(wonByHedge) },
  }),
  counter('hedge_suppressions_total', ['name'], {
    help: 'Copies that were due and did not start because the budget was spent.',
    unit: 'tries',
    read: { hedge: ({ suppressedByBudget }) => single(suppressedByBudget) },
  }),
  gauge('hedge_running_losers', ['name'], {
    help: 'Copies that go on although another has won.',
    unit: 'runs',
    read: { hedge: ({ runningLosers }) => single(runningLosers) },
  }),
  gauge('hedge_delay_seconds', ['name'], {
    help: 'Time after which a call that starts now is hedged; absent where none is.',
    unit: 'seconds',
    fold: 'max',
    read: { hedge: ({ delayMs }) => optionalSeconds(delayMs) },
  }),
];

/** Chaos. */
export const chaosRows: readonly PolicyMetric[] = [
  counter('chaos_injections_total', ['name', 'injection'], {
    help: 'Disturbances that were injected on purpose, by kind.',
    unit: 'injections',
    read: { chaos: ({ injected }) => byLabel<ChaosInjectionKind>('injection', injected) },
  }),
  gauge('chaos_running', ['name'], {
    help: 'Whether the next call may be disturbed on purpose.',
    unit: '0 or 1',
    fold: 'max',
    read: { chaos: ({ isRunning }) => single(Number(isRunning)) },
  }),
];

/** Keyed policies. */
export const keyedRows: readonly PolicyMetric[] = [
  gauge('keyed_members', ['name'], {
    help: 'Members that have a place in a keyed policy.',
    unit: 'members',
    read: { keyed: ({ size }) => single(size) },
  }),
  gauge('keyed_max_members', ['name'], {
    help: 'Members that may have a place in a keyed policy.',
    unit: 'members',
    read: { keyed: ({ maxKeys }) => single(maxKeys) },
  }),
  gauge('keyed_running_calls', ['name'], {
    help: 'Calls that run under the members of a keyed policy.',
    unit: 'calls',
    read: { keyed: ({ running }) => single(running) },
  }),
  counter('keyed_calls_total', ['name'], {
    help: 'Calls that came to a keyed policy.',
    unit: 'calls',
    read: { keyed: ({ calls }) => single(calls) },
  }),
  counter('keyed_creations_total', ['name'], {
    help: 'Members made for a key.',
    unit: 'members',
    read: { keyed: ({ created }) => single(created) },
  }),
  counter('keyed_evictions_total', ['name', 'reason'], {
    help: 'Members that were forgotten, by reason.',
    unit: 'members',
    read: { keyed: ({ evicted }) => byLabel<EvictionReason>('reason', evicted) },
  }),
  counter('keyed_overflows_total', ['name'], {
    help: 'Calls that ran under the overflow member because their key had no place.',
    unit: 'calls',
    read: { keyed: ({ overflowed }) => single(overflowed) },
  }),
];
