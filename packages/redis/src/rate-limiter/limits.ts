/**
 * Limits: what a rate limiter of a fleet allows, checked.
 *
 * @module
 */

import {
  type Context,
  type Enforcement,
  type OptionRules,
  anyFunction,
  checkOptions,
  enforcements,
  inRange,
  integerFrom,
  numberFrom,
  oneOfStrings,
  withKnown,
} from '@holdfast/core';

/** What can be changed while calls run. */
export interface AskedLimits {
  readonly maxPerInterval: number;
  readonly intervalMs: number;
  /** Undefined follows `maxPerInterval`. */
  readonly maxBurst: number | undefined;
  readonly maxQueued: number;
  readonly maxWaitMs: number;
  /** Undefined where each call costs 1. */
  readonly costOf: ((context: Context) => number) | undefined;
  readonly enforcement: Enforcement;
}

/** What holds. */
export interface Limits extends AskedLimits {
  readonly maxBurst: number;
  /** Time per token at the steady rate. Milliseconds. */
  readonly emissionMs: number;
  readonly asked: AskedLimits;
}

const MAX_TOKENS = 1_000_000;
const MAX_INTERVAL_MS = 86_400_000;

const limitRules: OptionRules = Object.freeze({
  maxPerInterval: integerFrom(1, MAX_TOKENS),
  intervalMs: numberFrom(1, MAX_INTERVAL_MS),
  maxQueued: integerFrom(0, MAX_TOKENS),
  maxWaitMs: numberFrom(0, MAX_INTERVAL_MS),
  enforcement: oneOfStrings(...enforcements),
});

const optionalRules: OptionRules = Object.freeze({ maxBurst: integerFrom(1, MAX_TOKENS), costOf: anyFunction });

/**
 * Checks what was asked for. `place` is the path before the options' names.
 *
 * @throws ConfigError when an option is out of range.
 */
export function limitsOf(place: string, options: Partial<AskedLimits>): Limits {
  const { maxPerInterval, intervalMs, maxBurst, maxQueued, maxWaitMs, costOf, enforcement } = options;
  const asked = { maxPerInterval, intervalMs, maxBurst, maxQueued, maxWaitMs, costOf, enforcement } as AskedLimits;
  checkOptions(place, limitRules, asked);
  const given = Object.entries(optionalRules).filter(([option]) => options[option as 'costOf'] !== undefined);
  checkOptions(place, Object.fromEntries(given), asked);
  inRange(`${place}.intervalMs`, asked.intervalMs, [Math.max(1, asked.maxPerInterval / 1000), MAX_INTERVAL_MS]);
  const burst = maxBurst ?? asked.maxPerInterval;
  return { ...asked, maxBurst: burst, emissionMs: asked.intervalMs / asked.maxPerInterval, asked };
}

/**
 * Returns `limits` with `changes`.
 *
 * @throws ConfigError when an option is out of range.
 * @throws TypeError when an option is unknown or cannot be changed.
 */
export function changeLimits(place: string, limits: Limits, changes: object): Limits {
  return limitsOf(place, withKnown(`${place}.update`, limits.asked, changes));
}
