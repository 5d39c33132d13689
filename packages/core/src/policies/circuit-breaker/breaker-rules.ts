/**
 * Breaker rules: what the options of a circuit breaker may be, and what a breaker decides by.
 *
 * @module
 */

import { type Enforcement, type PolicyDescription, enforcements } from '../../kernel/description.ts';
import {
  type OptionRules,
  anyFunction,
  checkOptions,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
  share,
} from '../../kernel/option-rules.ts';
import { ConfigError } from '../../kernel/options.ts';
import type { Classify } from '../../kernel/outcome.ts';
import { standardDeviations } from '../../mechanisms/wilson-bound.ts';
import type { BreakerRules } from './breaker-parts.ts';
import { type CircuitWindow, windowFactory, windowRule } from './circuit-window.ts';
import type { ShouldOpen } from './trip-rule.ts';

/** What the options of a circuit breaker may be. */
export const circuitBreakerRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  failureRatio: share,
  minimumCalls: integerFrom(1, 10_000),
  confidenceRatio: numberFrom(0.5, 0.9999),
  failureCount: integerFrom(1, 10_000),
  slowCallMs: numberFrom(1, Infinity),
  slowRatio: share,
  shouldOpen: anyFunction,
  window: windowRule,
  openForMs: numberFrom(1, 86_400_000),
  openBackoffRatio: numberFrom(1, 10),
  maxOpenForMs: numberFrom(1, 86_400_000),
  openJitterRatio: numberFrom(0, 0.9),
  maxProbes: integerFrom(1, 1000),
  probeSuccessRatio: share,
  probeLeaseMs: numberFrom(1, 86_400_000),
  rampUpMs: numberFrom(0, 3_600_000),
  minTimeoutToJudgeMs: numberFrom(0, 3_600_000),
  classify: anyFunction,
  enforcement: oneOfStrings(...enforcements),
  sharing: oneOfStrings('fleet', 'local'),
  healthCheck: anyFunction,
});

/** Options as they are given, without name and ports. */
export interface GivenOptions {
  readonly failureRatio?: number;
  readonly minimumCalls?: number;
  readonly confidenceRatio?: number;
  readonly failureCount?: number;
  readonly slowCallMs?: number;
  readonly slowRatio?: number;
  readonly shouldOpen?: ShouldOpen;
  readonly window?: CircuitWindow;
  readonly openForMs?: number;
  readonly maxOpenForMs?: number;
}

/** Options, completed with the defaults. */
export interface CompleteOptions extends GivenOptions {
  readonly failureRatio: number;
  readonly minimumCalls: number;
  readonly slowRatio: number;
  readonly window: CircuitWindow;
  readonly openForMs: number;
  readonly openBackoffRatio: number;
  readonly openJitterRatio: number;
  readonly maxProbes: number;
  readonly probeSuccessRatio: number;
  readonly probeLeaseMs: number;
  readonly rampUpMs: number;
  readonly minTimeoutToJudgeMs: number;
  readonly classify: Classify;
  readonly enforcement: Enforcement;
}

/**
 * Checks options and makes rules of them. `given` is what was given, `complete` the same with the defaults.
 *
 * @throws ConfigError when an option is out of range, or two of them contradict each other.
 */
export function breakerRules(given: GivenOptions, complete: CompleteOptions): BreakerRules {
  const { window, failureCount = Infinity, slowCallMs = Infinity } = complete;
  const newWindow = windowFactory(window); // first, for it says precisely what is wrong
  checkGiven(given, complete);
  refuseContradictions(given);
  const streak = window.kind === 'consecutive' ? window.failureCount : undefined; // so many calls, all of them failures
  if (window.kind === 'count') requireRoom(window.size, given);
  return {
    given,
    failureRatio: streak === undefined ? complete.failureRatio : 1,
    minimumCalls: streak ?? minimumCallsOf(given, complete),
    failureCount,
    deviations: complete.confidenceRatio === undefined ? undefined : standardDeviations(complete.confidenceRatio),
    slowCallMs,
    slowRatio: complete.slowRatio,
    shouldOpen: complete.shouldOpen,
    newWindow,
    needsTime: window.kind === 'time',
    openForMs: complete.openForMs,
    openBackoffRatio: complete.openBackoffRatio,
    maxOpenForMs: maxOpenForMs(complete),
    openJitterRatio: complete.openJitterRatio,
    maxProbes: complete.maxProbes,
    probeSuccessRatio: complete.probeSuccessRatio,
    probeLeaseMs: complete.probeLeaseMs,
    rampUpMs: complete.rampUpMs,
    minTimeoutToJudgeMs: complete.minTimeoutToJudgeMs,
    classify: complete.classify,
    enforcement: complete.enforcement,
  };
}

/**
 * Returns the options given before that do not contradict those that are `changed` now: the later rule takes the place of the
 * earlier one.
 */
export function withoutContradicted(before: GivenOptions, changed: GivenOptions): GivenOptions {
  const dropped = new Set<string>();
  const drop = (options: readonly string[]): void => options.forEach((option) => dropped.add(option));
  if (changed.window?.kind === 'consecutive') drop(consecutiveRules);
  if (changed.shouldOpen !== undefined) drop(builtInRules);
  if (changed.confidenceRatio !== undefined) drop(['minimumCalls']);
  if (changed.minimumCalls !== undefined) drop(['confidenceRatio']);
  if (builtInRules.some((option) => changed[option] !== undefined)) drop(['shouldOpen']);
  const hasStreak =
    before.window?.kind === 'consecutive' && consecutiveRules.some((option) => changed[option] !== undefined);
  if (hasStreak) drop(['window']);
  return Object.fromEntries(Object.entries(before).filter(([option]) => !dropped.has(option)));
}

/** Describes a breaker: the options as they were given or by default, and what they mean for others. */
export function describeBreaker(name: string, rules: BreakerRules, complete: CompleteOptions): PolicyDescription {
  const options = Object.fromEntries(
    Object.entries(complete)
      .filter(([key]) => Object.hasOwn(circuitBreakerRules, key) && key !== 'name' && key !== 'enforcement')
      .filter(([key]) => !isSuperseded(key, complete))
      .map(([key, value]: [string, unknown]) => [key, typeof value === 'function' ? '[function]' : value]),
  );
  const { slowCallMs, probeLeaseMs, minTimeoutToJudgeMs } = rules;
  return {
    kind: 'circuit-breaker',
    name,
    enforcement: rules.enforcement,
    options,
    traits: {
      countsFailures: true,
      isShared: true,
      probeLeaseMs,
      ...(slowCallMs < Infinity && { slowCallMs }),
      ...(minTimeoutToJudgeMs > 0 && { minTimeoutToJudgeMs }),
    },
  };
}

// --- internal ---

const DEFAULT_MAX_OPEN_FOR_MS = 300_000;

/** Checks what is present: an option without a default may be absent. */
function checkGiven(given: GivenOptions, complete: CompleteOptions): void {
  const present: Record<string, unknown> = { ...complete, ...given };
  for (const [option, rule] of Object.entries(circuitBreakerRules)) {
    if (present[option] !== undefined) checkOptions('circuitBreaker', { [option]: rule }, present);
  }
}

/** Whether another rule has taken the place of an option, so that its default says nothing. */
function isSuperseded(option: string, { window, shouldOpen, confidenceRatio }: CompleteOptions): boolean {
  if (window.kind === 'consecutive') return (consecutiveRules as readonly string[]).includes(option);
  if (shouldOpen !== undefined) return (builtInRules as readonly string[]).includes(option);
  return option === 'minimumCalls' && confidenceRatio !== undefined;
}

function refuseContradictions(given: GivenOptions): void {
  if (given.window?.kind === 'consecutive') refuse(given, consecutiveRules, 'omitted with a consecutive window');
  if (given.shouldOpen !== undefined) refuse(given, builtInRules, 'omitted with shouldOpen');
  if (given.confidenceRatio !== undefined) refuse(given, ['minimumCalls'], 'omitted with confidenceRatio');
  if (given.slowRatio !== undefined && given.slowCallMs === undefined)
    throw new ConfigError('circuitBreaker.slowRatio', 'omitted without slowCallMs', given.slowRatio);
}

const consecutiveRules = ['failureRatio', 'minimumCalls', 'failureCount', 'confidenceRatio'] as const;

const builtInRules = [...consecutiveRules, 'slowRatio'] as const;

function refuse(given: GivenOptions, options: readonly (keyof GivenOptions)[], why: string): void {
  for (const option of options) {
    if (given[option] !== undefined) throw new ConfigError(`circuitBreaker.${option}`, why, given[option]);
  }
}

/** The default gives way to a small window; what was given has been checked. */
function minimumCallsOf({ minimumCalls }: GivenOptions, { window, minimumCalls: byDefault }: CompleteOptions): number {
  return minimumCalls ?? (window.kind === 'count' ? Math.min(byDefault, window.size) : byDefault);
}

/** A window that is smaller never holds so many calls. */
function requireRoom(size: number, { minimumCalls, failureCount }: GivenOptions): void {
  const room = integerFrom(1, size);
  if (minimumCalls !== undefined) checkOptions('circuitBreaker', { minimumCalls: room }, { minimumCalls });
  if (failureCount !== undefined) checkOptions('circuitBreaker', { failureCount: room }, { failureCount });
}

function maxOpenForMs({ openForMs, maxOpenForMs: given }: CompleteOptions): number {
  if (given === undefined) return Math.max(openForMs, DEFAULT_MAX_OPEN_FOR_MS);
  checkOptions('circuitBreaker', { maxOpenForMs: numberFrom(openForMs, 86_400_000) }, { maxOpenForMs: given });
  return given;
}
