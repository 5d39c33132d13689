/**
 * Limits: what a bulkhead allows, checked.
 *
 * @module
 */

import type { Context } from '../../kernel/context.ts';
import { type Enforcement, enforcements } from '../../kernel/description.ts';
import {
  type OptionRules,
  anyFunction,
  checkOptions,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
} from '../../kernel/option-rules.ts';
import { withKnown } from '../../kernel/options.ts';

/** Which of the calls that wait starts next. */
export type BulkheadOrder = 'fifo' | 'adaptive-lifo';

/** What holds. All of it may be changed while calls run. */
export interface BulkheadLimits {
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  readonly maxWaitMs: number;
  readonly minRunMs: number;
  readonly order: BulkheadOrder;
  readonly standingAfterMs: number;
  readonly priorityOf: ((context: Context) => number) | undefined;
  readonly enforcement: Enforcement;
}

/** The highest priority that a call may have. */
export const MAX_PRIORITY = 9;

/** What the options of a bulkhead may be. */
export const bulkheadRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  maxConcurrent: integerFrom(1, 1_000_000),
  maxQueued: integerFrom(0, 1_000_000),
  maxWaitMs: numberFrom(1, Infinity),
  minRunMs: numberFrom(0, 3_600_000),
  order: oneOfStrings('fifo', 'adaptive-lifo'),
  standingAfterMs: numberFrom(1, 3_600_000),
  priorityOf: anyFunction,
  enforcement: oneOfStrings(...enforcements),
});

/**
 * Returns the limits among `options`, which are complete but for `priorityOf`.
 *
 * @throws ConfigError when an option is out of range.
 */
export function limitsOf(
  name: string,
  options: Omit<BulkheadLimits, 'priorityOf'> & Partial<BulkheadLimits>,
): BulkheadLimits {
  const { maxConcurrent, maxQueued, maxWaitMs, minRunMs, order, standingAfterMs, priorityOf, enforcement } = options;
  const limits = { maxConcurrent, maxQueued, maxWaitMs, minRunMs, order, standingAfterMs, priorityOf, enforcement };
  const { priorityOf: ruleOfPriority, ...rules } = bulkheadRules as Record<string, OptionRules[string]>;
  checkOptions('bulkhead', rules, { name, ...limits });
  if (priorityOf !== undefined) checkOptions('bulkhead', { priorityOf: ruleOfPriority as OptionRules[string] }, limits);
  return limits;
}

/**
 * Returns `limits` with `changes`.
 *
 * @throws ConfigError when an option is out of range.
 * @throws TypeError when an option is unknown or cannot be changed.
 */
export function changeLimits(name: string, limits: BulkheadLimits, changes: object): BulkheadLimits {
  return limitsOf(name, withKnown('bulkhead.update', limits, changes));
}
