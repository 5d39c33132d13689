/**
 * Retry rule: what the calls of one retry share.
 *
 * @module
 */

import { isCancelled } from '../../kernel/cancellation.ts';
import { isRejection } from '../../kernel/errors.ts';
import { classifyByError } from '../../kernel/outcome.ts';
import type { RetryAttempt } from '../../kernel/retry-attempt.ts';
import type { Stage } from '../../kernel/stage.ts';
import type { CountedBudget } from './retry-budget.ts';
import type { RetryCounts } from './retry-report.ts';
import type { RetrySettings } from './retry-settings.ts';

/** What the calls of one policy share. */
export interface RetryDesk {
  /** Replaced as a whole when options change. */
  settings: RetrySettings;
  readonly budget: CountedBudget;
  readonly counts: RetryCounts;
}

/** The rule where no `isRetryable` is given: a rejection of ours or a cancellation will not pass. */
export function mayPass(error: unknown): boolean {
  return !isRejection(error) && !isCancelled(error);
}

/** What the calls through one layer share, until options change. */
export class RetryRule {
  readonly settings: RetrySettings;
  readonly budget: CountedBudget;
  readonly counts: RetryCounts;
  readonly inner: Stage;
  /** Whether there can be a second try. */
  readonly mayRetry: boolean;
  readonly isTimed: boolean;
  readonly judgesValues: boolean;
  readonly firstAttempt: RetryAttempt;
  /** Whether a call without a context of its own needs nothing but its tries. */
  readonly isPlain: boolean;
  /** Whether tries tell those inside. One that is not followed by others does not count as a try to them. */
  readonly marks: boolean;

  constructor({ settings, budget, counts }: RetryDesk, inner: Stage) {
    this.settings = settings;
    this.budget = budget;
    this.counts = counts;
    this.inner = inner;
    this.mayRetry = settings.maxAttempts > 1;
    this.isTimed = settings.maxElapsedMs !== Infinity;
    this.judgesValues = settings.classify !== classifyByError;
    this.marks = this.mayRetry && settings.enforcement === 'enforce';
    this.firstAttempt = Object.freeze({ policy: settings.name, attempt: 1 });
    this.isPlain = this.marks && !this.isTimed && settings.captureAsyncContext === undefined;
  }
}
