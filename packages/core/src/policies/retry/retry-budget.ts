/**
 * Retry budget: keeps retries a share of the calls, so that a dependency that fails gets a little more traffic, not a
 * multiple.
 *
 * Every retry policy has one. Several policies that call the same dependency should share one: then the share is of all
 * their calls together.
 *
 * Invariants
 *  (1) Of any n calls in a row come at most `maxSavedRetries + n * maxRetryRatio` retries, over all policies that share it, and
 *      one for each that was paid for and given back meanwhile, since it never started.
 *  (2) A call pays with two additions and no look at the clock; memory is constant.
 *
 * @module
 */

import { type OptionRules, checkOptions, integerFrom, numberFrom } from '../../kernel/option-rules.ts';
import { withKnown } from '../../kernel/options.ts';
import { ShareBudget } from '../../mechanisms/share-budget.ts';

/** Options of {@link createRetryBudget}. Omitted ones take {@link retryBudgetDefaults}. */
export interface RetryBudgetOptions {
  /** Retries per call, in the long run. Ratio, 0 to Infinity; 0 allows none, Infinity any number. @defaultValue 0.2 */
  readonly maxRetryRatio?: number;
  /**
   * Retries that may be saved up while few are needed, and that there are at the start. Integer, 1 to 10 000.
   * @defaultValue 10
   */
  readonly maxSavedRetries?: number;
}

/** Every default of {@link createRetryBudget}, in one place. */
export const retryBudgetDefaults: Required<RetryBudgetOptions> = Object.freeze({
  maxRetryRatio: 0.2,
  maxSavedRetries: 10,
});

/** What the options of {@link createRetryBudget} may be. */
export const retryBudgetRules: OptionRules = Object.freeze({
  maxRetryRatio: numberFrom(0, Infinity),
  maxSavedRetries: integerFrom(1, 10_000),
});

/** A retry budget at one instant; what is counted, since it was created. */
export interface RetryBudgetSnapshot {
  /** Calls that earned their share of a retry. */
  readonly calls: number;
  /** Retries paid for, without those whose wait was ended by the context: they are given back. */
  readonly spent: number;
  /** Retries that there was nothing left for. */
  readonly denied: number;
  /** Retries that could be paid for now. */
  readonly saved: number;
}

/** A retry budget, to hand to the policies that share it. */
export interface RetryBudget {
  /** What it has counted. */
  snapshot(): RetryBudgetSnapshot;
}

/**
 * Creates a retry budget, for several retry policies in front of one dependency.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * const budget = createRetryBudget({ maxRetryRatio: 0.1 });
 * const [reads, writes] = [retry({ name: 'reads', budget }), retry({ name: 'writes', maxAttempts: 2, budget })];
 * ```
 */
export function createRetryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  const resolved = withKnown('createRetryBudget', retryBudgetDefaults, options);
  checkOptions('createRetryBudget', retryBudgetRules, resolved);
  return new CountedBudget(resolved.maxRetryRatio, resolved.maxSavedRetries);
}

/** A budget as policies see it. Its fields are plain for speed. */
export class CountedBudget implements RetryBudget {
  private readonly share: ShareBudget;
  private calls = 0;
  private spent = 0;
  private denied = 0;

  constructor(maxRetryRatio: number, maxSavedRetries: number = retryBudgetDefaults.maxSavedRetries) {
    this.share = new ShareBudget(maxRetryRatio, maxSavedRetries);
  }

  /** Counts a call. */
  earn(): void {
    this.calls++;
    this.share.earn(); // (2)
  }

  /** Pays for a retry, if there is something left. Returns whether there was. */
  spend(): boolean {
    const paid = this.share.spend(); // (1)
    if (paid) this.spent++;
    else this.denied++;
    return paid;
  }

  /** Takes back what was paid for a retry that did not start. */
  giveBack(): void {
    this.spent--;
    this.share.giveBack();
  }

  /** Changes the ratio; what is saved stays. */
  changeRatio(maxRetryRatio: number): void {
    this.share.changeRatio(maxRetryRatio);
  }

  snapshot(): RetryBudgetSnapshot {
    const { calls, spent, denied, share } = this;
    return { calls, spent, denied, saved: Math.floor(share.savedCount) };
  }
}
