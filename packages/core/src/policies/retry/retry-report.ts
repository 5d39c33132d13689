/**
 * Retry report: what a retry counts and tells.
 *
 * @module
 */

import type { Enforcement } from '../../kernel/description.ts';
import type { Events } from '../../kernel/events.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import type { RetryBudgetSnapshot } from './retry-budget.ts';

/**
 * Why a failed try was the last one. `attempts`: there have been `maxAttempts`; `not-retryable`: it will not pass; `nested`:
 * a retry outside will try again; `budget`: retries are too large a share of the calls; `deadline`: the next try would not
 * fit before the deadline; `elapsed`: nor within `maxElapsedMs`; `retry-after`: the dependency asked for a longer wait than
 * `maxDelayMs`; `ended`: the context ended, during a try or a wait.
 */
export type RetryGaveUpReason =
  | 'attempts'
  | 'not-retryable'
  | 'nested'
  | 'budget'
  | 'deadline'
  | 'elapsed'
  | 'retry-after'
  | 'ended';

/** A try failed, and another one follows after a wait. */
export interface RetryScheduledEvent {
  readonly type: 'retry.scheduled';
  readonly policy: 'retry';
  readonly name: string;
  /** With `observe`, the try does not follow: it would have. */
  readonly enforcement: Enforcement;
  /** Number of the try that failed; the first is 1. */
  readonly attempt: number;
  /** The wait before the next try. Milliseconds. */
  readonly delayMs: number;
  /** How it failed; undefined where it gave a value that `classify` calls a failure. */
  readonly error: unknown;
  /** That value; undefined where it failed with an error. */
  readonly value: unknown;
}

/** A try failed, and the caller gets what it came to. */
export interface RetryGaveUpEvent {
  readonly type: 'retry.gave-up';
  readonly policy: 'retry';
  readonly name: string;
  readonly enforcement: Enforcement;
  readonly reason: RetryGaveUpReason;
  /** Number of the last try; the first is 1. */
  readonly attempt: number;
  /** The error that the caller gets; undefined where it gets a value. */
  readonly error: unknown;
  /** The value that the caller gets, which `classify` calls a failure; undefined where it gets an error. */
  readonly value: unknown;
}

/** A retry at one instant; what is counted, since it was created. */
export interface RetrySnapshot {
  /** Calls. */
  readonly calls: number;
  /** Tries started beyond the first of each call. */
  readonly retried: number;
  /** Calls that succeeded in such a try. */
  readonly recovered: number;
  /** Calls that wait for their next try now. */
  readonly waiting: number;
  /** Tries that `observe` did not start, and `enforce` would have. */
  readonly wouldRetry: number;
  /** Calls that failed, by the reason why no other try followed. */
  readonly gaveUp: Readonly<Record<RetryGaveUpReason, number>>;
  readonly budget: RetryBudgetSnapshot;
}

/** The settings that events tell of. */
export interface Teller {
  readonly name: string;
  readonly enforcement: Enforcement;
  readonly events: Events;
}

/** The counters of a retry. */
export class RetryCounts {
  calls = 0;
  retried = 0;
  recovered = 0;
  waiting = 0;
  wouldRetry = 0;
  readonly gaveUp: Record<RetryGaveUpReason, number> = {
    attempts: 0,
    'not-retryable': 0,
    nested: 0,
    budget: 0,
    deadline: 0,
    elapsed: 0,
    'retry-after': 0,
    ended: 0,
  };

  snapshot(budget: RetryBudgetSnapshot): RetrySnapshot {
    const { calls, retried, recovered, waiting, wouldRetry, gaveUp } = this;
    return { calls, retried, recovered, waiting, wouldRetry, gaveUp: { ...gaveUp }, budget };
  }
}

/** Tells that another try follows. */
export function tellScheduled({ name, enforcement, events }: Teller, attempt: number, failed: FailedWith): void {
  if (!events.active) return;
  const event: RetryScheduledEvent = {
    type: 'retry.scheduled',
    policy: 'retry',
    name,
    enforcement,
    attempt,
    delayMs: failed.delayMs,
    error: errorOf(failed.outcome),
    value: valueOf(failed.outcome),
  };
  events.emit(event);
}

/** Tells that no other try follows. */
export function tellGaveUp({ name, enforcement, events }: Teller, attempt: number, last: EndedWith): void {
  if (!events.active) return;
  const event: RetryGaveUpEvent = {
    type: 'retry.gave-up',
    policy: 'retry',
    name,
    enforcement,
    reason: last.reason,
    attempt,
    error: errorOf(last.outcome),
    value: valueOf(last.outcome),
  };
  events.emit(event);
}

// --- internal ---

interface FailedWith {
  readonly outcome: Outcome;
  readonly delayMs: number;
}

interface EndedWith {
  readonly outcome: Outcome;
  readonly reason: RetryGaveUpReason;
}

function errorOf(outcome: Outcome): unknown {
  return outcome.status === 'rejected' ? outcome.error : undefined;
}

function valueOf(outcome: Outcome): unknown {
  return outcome.status === 'fulfilled' ? outcome.value : undefined;
}
