/**
 * Limits: what a rate limiter allows, checked.
 *
 * @module
 */

import type { Context } from '../../kernel/context.ts';
import { type Enforcement, enforcements } from '../../kernel/description.ts';
import {
  type OptionRule,
  type OptionRules,
  anyFunction,
  checkOptions,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
} from '../../kernel/option-rules.ts';
import { inRange, withKnown } from '../../kernel/options.ts';
import type { GcraLimits } from '../../mechanisms/gcra.ts';

/** The most that one call may cost. */
export const MAX_COST = 1_000_000;

/** What was asked for. */
export interface AskedLimits {
  readonly maxPerInterval: number;
  readonly intervalMs: number;
  /** Undefined follows `maxPerInterval`. */
  readonly maxBurst: number | undefined;
  readonly maxQueued: number;
  /** Undefined where each call costs 1. */
  readonly costOf: ((context: Context) => number) | undefined;
  readonly enforcement: Enforcement;
}

/** What holds. */
export interface Limits extends AskedLimits, GcraLimits {
  readonly maxBurst: number;
  readonly asked: AskedLimits;
}

/** What the options of a rate limiter may be. `intervalMs` is at least a thousandth of `maxPerInterval` besides. */
export const rateLimiterRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  maxPerInterval: integerFrom(1, 1_000_000),
  intervalMs: numberFrom(1, 86_400_000),
  maxBurst: integerFrom(1, 1_000_000),
  maxQueued: integerFrom(0, 1_000_000),
  costOf: anyFunction,
  enforcement: oneOfStrings(...enforcements),
  initialBacklogMs: numberFrom(0, Infinity),
});

/**
 * Checks what was asked for.
 *
 * @throws ConfigError when an option is out of range.
 */
export function limitsOf(options: Partial<AskedLimits>): Limits {
  const { maxPerInterval, intervalMs, maxBurst, maxQueued, costOf, enforcement } = options;
  const asked = { maxPerInterval, intervalMs, maxBurst, maxQueued, costOf, enforcement } as AskedLimits;
  checkOptions('rateLimiter', rulesFor(asked), asked);
  inRange('rateLimiter.intervalMs', asked.intervalMs, [Math.max(1, asked.maxPerInterval / 1000), 86_400_000]);
  return {
    maxPerInterval: asked.maxPerInterval,
    intervalMs: asked.intervalMs,
    maxBurst: maxBurst ?? asked.maxPerInterval,
    maxQueued: asked.maxQueued,
    costOf,
    enforcement: asked.enforcement,
    emissionMs: asked.intervalMs / asked.maxPerInterval,
    asked,
  };
}

/**
 * Returns `limits` with `changes`.
 *
 * @throws ConfigError when an option is out of range.
 * @throws TypeError when an option is unknown or cannot be changed.
 */
export function changeLimits(limits: Limits, changes: object): Limits {
  return limitsOf(withKnown('rateLimiter.update', limits.asked, changes));
}

// --- internal ---

/** The rules of what was given; the rest of the options have no default that a rule could accept, or no place in the limits. */
function rulesFor(asked: AskedLimits): OptionRules {
  const rules: Record<string, OptionRule> = {};
  for (const [option, rule] of Object.entries(rateLimiterRules)) {
    const isOptional = option === 'maxBurst' || option === 'costOf';
    if (option in asked && !(isOptional && asked[option] === undefined)) rules[option] = rule;
  }
  return rules;
}
