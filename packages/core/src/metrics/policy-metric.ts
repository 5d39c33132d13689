/**
 * Policy metric: one metric of policies, for people and for programs, and how it is read.
 *
 * @module
 */

import type { CallCounts } from '../kernel/pipeline.ts';
import type { BulkheadSnapshot } from '../policies/bulkhead/bulkhead.ts';
import type { CacheSnapshot } from '../policies/cache/cache.ts';
import type { ChaosSnapshot } from '../policies/chaos/chaos.ts';
import type { CircuitSnapshot } from '../policies/circuit-breaker/circuit-breaker.ts';
import type { CoalesceSnapshot } from '../policies/coalesce/coalesce.ts';
import type { FallbackSnapshot } from '../policies/fallback/fallback.ts';
import type { HedgeSnapshot } from '../policies/hedge/hedge.ts';
import type { KeyedSnapshot } from '../policies/keyed/keyed.ts';
import type { RateLimiterSnapshot } from '../policies/rate-limiter/rate-limiter.ts';
import type { RetrySnapshot } from '../policies/retry/retry.ts';
import type { TimeoutSnapshot } from '../policies/timeout/timeout.ts';
import type { Sample } from './sample.ts';

/** What is read of each kind of policy. */
export interface PolicyReadings {
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

/** One metric of policies. Exporters give it the form that their readers know. */
export interface PolicyMetric {
  /** Name without a prefix, as Prometheus wants it: `calls_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** What one of it is: `calls`, `seconds`, ... */
  readonly unit: string;
  /** Its labels, `name` among them, under which the name of the policy stands. */
  readonly labels: readonly string[];
  /** How values under the same labels are put together: those of several processes, too. */
  readonly fold: 'sum' | 'max' | 'one-hot';
  readonly read: { readonly [K in keyof PolicyReadings]?: (reading: PolicyReadings[K]) => readonly Sample[] };
}

type Entry = Pick<PolicyMetric, 'help' | 'unit' | 'read'> & Partial<Pick<PolicyMetric, 'fold'>>;

/** Makes the row of a counter. */
export function counter(name: string, labels: readonly string[], { help, unit, read }: Entry): PolicyMetric {
  return Object.freeze({ name, type: 'counter', labels, help, unit, read, fold: 'sum' });
}

/** Makes the row of a gauge: sums, unless it says otherwise. */
export function gauge(
  name: string,
  labels: readonly string[],
  { help, unit, read, fold = 'sum' }: Entry,
): PolicyMetric {
  return Object.freeze({ name, type: 'gauge', labels, help, unit, read, fold });
}
