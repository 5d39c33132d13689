/**
 * Circuit breaker: stops calling a dependency that keeps failing, or is slow, and lets a few probes find out when it is back.
 *
 * Use one per dependency and failure domain. Do not use one per request, nor for errors that are the caller's own fault:
 * `classify` keeps those out.
 *
 *   arrives ── closed ─────────────────────────► runs ── verdict ─► window ── a rule is met ─► opens
 *      ├────── half-open, a lease is to be had ─► probes ─ verdict ─► closes, opens, or neither
 *      └────── open, or no lease ─► refused (CircuitOpenError)
 *
 * The states and their transitions are in `circuit.ts`.
 *
 * Invariants
 *  (1) An open circuit runs no operation.
 *  (2) Every admitted call is settled exactly once, also when its context ends.
 *  (3) Rejections of ours and cancellations by the caller count neither for nor against the dependency.
 *  (4) No timer is used, but for an active health check: the state follows from what happened and the time.
 *  (5) The operation's error comes back by identity.
 *
 * @module
 */

import { systemClock } from '../../kernel/clock.ts';
import type { Enforcement, PolicyKind } from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import type { Operation } from '../../kernel/handler.ts';
import { isFunction, isName, isStoreOrAbsent, oneOf, withDefaults, withKnown } from '../../kernel/options.ts';
import { type Classify, classifyByError } from '../../kernel/outcome.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { systemRandom } from '../../kernel/random.ts';
import { type RuleBook, BreakerPolicy, type HoldableBreaker } from './breaker-policy.ts';
import {
  type CompleteOptions,
  breakerRules,
  circuitBreakerRules,
  describeBreaker,
  withoutContradicted,
} from './breaker-rules.ts';
import type { CircuitWindow } from './circuit-window.ts';
import type { BreakerPorts, BreakerRules } from './breaker-parts.ts';
import { joinFleet } from './fleet-link.ts';
import { HealthCheck } from './health-check.ts';
import type { ShouldOpen } from './trip-rule.ts';

export type { CircuitPermit } from './admitted-call.ts';
export type { CircuitHold, CircuitSnapshot, HoldableBreaker } from './breaker-policy.ts';
export type { MachineState } from './circuit-entry.ts';
export { circuitBreakerRules } from './breaker-rules.ts';
export {
  CircuitOpenError,
  type CircuitRejectedEvent,
  type CircuitState,
  type CircuitTransitionEvent,
  type Refusal,
} from './circuit-events.ts';
export type { CircuitRecord } from './circuit-record.ts';
export type { CircuitWindow } from './circuit-window.ts';
export type { HeldState, HoldOptions, HoldRecord } from './holds.ts';
export type { WindowRecord, WindowRun } from '../../mechanisms/outcome-window.ts';
export type { ShouldOpen, TripReason, WindowCounts } from './trip-rule.ts';

/** Options of {@link circuitBreaker}. Omitted ones take {@link circuitBreakerDefaults}. */
export interface CircuitBreakerOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'circuit-breaker' */
  readonly name?: string;
  /** Share of failures in the window at which the circuit opens. Above 0, up to 1; 1 opens only when all fail. @defaultValue 0.5 */
  readonly failureRatio?: number;
  /**
   * Calls that the window must hold before a ratio means anything. Integer, 1 to 10 000, and no more than a count window holds;
   * by default no more than that either.
   * @defaultValue 20
   */
  readonly minimumCalls?: number;
  /**
   * For dependencies with few calls, in place of `minimumCalls`: the circuit opens as soon as the ratio is reached with this
   * confidence, however few the calls. 0.5 to 0.9999; at 0.95, three failures of three calls tell of a ratio of 0.5.
   */
  readonly confidenceRatio?: number;
  /** Failures in the window that open the circuit whatever their ratio. Integer, 1 to 10 000, and no more than a count window holds. */
  readonly failureCount?: number;
  /** Time from which a call is slow, also while it still runs. Milliseconds, 1 or more; omitted or Infinity, no call is. */
  readonly slowCallMs?: number;
  /** Share of slow calls in the window at which the circuit opens. Above 0, up to 1. @defaultValue 0.5 */
  readonly slowRatio?: number;
  /** A rule of your own, in place of those above: whether what the window holds opens the circuit. Must not throw. */
  readonly shouldOpen?: ShouldOpen;
  /** What the breaker looks back on. @defaultValue { kind: 'count', size: 100 } */
  readonly window?: CircuitWindow;
  /** Time that the circuit stays open before it lets probes through. Milliseconds, 1 to 86 400 000. @defaultValue 30_000 */
  readonly openForMs?: number;
  /** What the open time is multiplied with each time that the probes fail. 1 to 10; 1 keeps it as it is. @defaultValue 1 */
  readonly openBackoffRatio?: number;
  /**
   * Bound of the open time, however often the probes fail and whatever an error asks for in `retryAfterMs`. Milliseconds,
   * `openForMs` to 86 400 000. By default 300 000, or `openForMs` where that is more.
   */
  readonly maxOpenForMs?: number;
  /** Share by which the open time may be longer or shorter, at random. 0 to 0.9. @defaultValue 0 */
  readonly openJitterRatio?: number;
  /** Probes of one half-open round, and how many may run at once. Integer, 1 to 1 000. @defaultValue 3 */
  readonly maxProbes?: number;
  /** Share of the probes of a round that must succeed to close the circuit. Above 0, up to 1. @defaultValue 0.5 */
  readonly probeSuccessRatio?: number;
  /**
   * Time after which a probe that has not settled gives its place to another. Milliseconds, 1 to 86 400 000.
   * @defaultValue 30_000
   */
  readonly probeLeaseMs?: number;
  /**
   * Time after it has closed in which the circuit lets a growing share of the calls through. Milliseconds, 0 to 3 600 000;
   * 0 lets all through at once.
   * @defaultValue 0
   */
  readonly rampUpMs?: number;
  /**
   * Time that a caller must have given a call for the caller's deadline to count as a failure. Milliseconds, 0 to 3 600 000;
   * 0 counts all.
   * @defaultValue 0
   */
  readonly minTimeoutToJudgeMs?: number;
  /** Which outcomes count, and how. By default errors are failures; our own rejections and the caller's cancellation do not count. */
  readonly classify?: Classify;
  /**
   * `enforce` refuses calls; `observe` lets all calls run and counts those that would have been refused; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
  /**
   * `fleet` shares the circuit with the breakers of that name in other processes, where there is a store and a name was given;
   * `local` keeps it to this process.
   * @defaultValue 'fleet'
   */
  readonly sharing?: CircuitSharing;
  /**
   * Asks the dependency whether it is back, once the open time is over, in place of a caller's probe: fulfilled is a success.
   * Its context has `probeLeaseMs`. Omitted, the next callers are the probes.
   */
  readonly healthCheck?: Operation;
}

/** Who shares a circuit. */
export type CircuitSharing = 'fleet' | 'local';

/**
 * What {@link CircuitBreaker.update} may change: every option but the name, the ports, the sharing and the health check. A rule that
 * contradicts an earlier one takes its place: `minimumCalls` that of `confidenceRatio`, a ratio that of a consecutive window.
 * The time of a circuit that is open already stays as it is.
 */
export type CircuitBreakerChanges = Omit<CircuitBreakerOptions, keyof PolicyPorts | 'name' | 'sharing' | 'healthCheck'>;

/** A circuit breaker. */
export interface CircuitBreaker extends HoldableBreaker<CircuitBreakerChanges> {}

/** Every default of {@link circuitBreaker}, in one place. */
export const circuitBreakerDefaults: DefaultsOf<
  CircuitBreakerOptions,
  'confidenceRatio' | 'failureCount' | 'slowCallMs' | 'shouldOpen' | 'maxOpenForMs' | 'healthCheck'
> = Object.freeze({
  name: 'circuit-breaker',
  failureRatio: 0.5,
  minimumCalls: 20,
  slowRatio: 0.5,
  window: Object.freeze({ kind: 'count', size: 100 }),
  openForMs: 30_000,
  openBackoffRatio: 1,
  openJitterRatio: 0,
  maxProbes: 3,
  probeSuccessRatio: 0.5,
  probeLeaseMs: 30_000,
  rampUpMs: 0,
  minTimeoutToJudgeMs: 0,
  classify: classifyByError,
  enforcement: 'enforce',
  sharing: 'fleet',
  clock: systemClock,
});

/**
 * Creates a circuit breaker. Its window and state are shared by all calls through this instance.
 *
 * @throws ConfigError at creation and from update, when an option is out of range, or two of them contradict each other.
 * @throws CircuitOpenError from execute, when the circuit is open, or half-open with all its probes under way.
 * @throws the operation's error from execute, unchanged.
 *
 * @example
 * ```ts
 * const prices = circuitBreaker({ name: 'prices', window: { kind: 'time', durationMs: 10_000 } });
 * ```
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  const { name, store, sharing, healthCheck, ...rest } = read('circuitBreaker', options);
  const { ports, given } = portsAndRest(name, rest);
  isName('circuitBreaker.name', ports.name);
  isStoreOrAbsent('circuitBreaker.store', store);
  oneOf('circuitBreaker.sharing', sharing ?? circuitBreakerDefaults.sharing, sharings);
  if (healthCheck !== undefined) isFunction('circuitBreaker.healthCheck', healthCheck);
  const policy = new BreakerPolicy(ports, sharedRules(given), book);
  if (healthCheck !== undefined) {
    const check = new HealthCheck(policy, healthCheck);
    policy.onDispose = () => check.stop();
  }
  if (name !== undefined && sharing !== 'local') joinFleet(policy, store); // last: it may be open at once
  return policy;
}

/** The kind of policy that {@link circuitBreaker} makes, for configuration. */
export const circuitBreakerKind: PolicyKind = Object.freeze({
  kind: 'circuit-breaker',
  rules: circuitBreakerRules,
  required: Object.freeze([]),
  defaults: circuitBreakerDefaults,
  create: circuitBreaker,
});

// --- internal ---

const sharings: readonly CircuitSharing[] = ['fleet', 'local'];

const optionNames = [...Object.keys(circuitBreakerRules), 'captureAsyncContext'];

function portsAndRest(
  name: string = circuitBreakerDefaults.name,
  { clock = systemClock, random = systemRandom, events = silence, ...given }: CircuitBreakerOptions,
): { readonly ports: BreakerPorts; readonly given: CircuitBreakerChanges } {
  return { ports: { name, clock, random, events }, given };
}

/** Returns a copy of the options that were given, without those that are undefined. */
function read(place: string, options: CircuitBreakerOptions): CircuitBreakerOptions {
  const { captureAsyncContext: _unused, ...rest } = withDefaults(place, {}, options, optionNames);
  return copied(rest);
}

/** Copies what the caller could change afterwards. */
function copied<O extends CircuitBreakerChanges>(options: O): O {
  return isObject(options.window) ? { ...options, window: Object.freeze({ ...options.window }) } : options;
}

function rulesOf(given: CircuitBreakerChanges): BreakerRules {
  return breakerRules(given, complete(given));
}

function complete(given: CircuitBreakerChanges): CompleteOptions {
  return { ...circuitBreakerDefaults, ...given };
}

/** The rules made last. Breakers are many, and those of one kind, as one per host, are made with the same options. */
let latestRules: BreakerRules | undefined;

function sharedRules(given: CircuitBreakerChanges): BreakerRules {
  if (latestRules === undefined || !isSame(latestRules.given, given)) latestRules = rulesOf(given);
  return latestRules;
}

/** Whether two objects have the same members, to the second level: a window is an object. */
function isSame(one: object, other: object, depth = 1): boolean {
  const members = Object.entries(one);
  if (members.length !== Object.keys(other).length) return false;
  return members.every(([key, value]: [string, unknown]) => {
    const counterpart = (other as Record<string, unknown>)[key];
    if (value === counterpart) return true;
    return depth > 0 && isObject(value) && isObject(counterpart) && isSame(value, counterpart, depth - 1);
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** How the options of a breaker change, and how they are shown. */
const book: RuleBook<CircuitBreakerChanges> = Object.freeze({
  changed({ given, newWindow }: BreakerRules, changes: CircuitBreakerChanges): BreakerRules {
    const known = withKnown('circuitBreaker.update', {}, changes, changeable);
    const rules = rulesOf({ ...withoutContradicted(given, known), ...copied(known) });
    return changes.window === undefined ? { ...rules, newWindow } : rules;
  },
  describe: (name: string, rules: BreakerRules) => describeBreaker(name, rules, complete(rules.given)),
});

/** What stays as it was made. */
const fixed = new Set(['name', 'sharing', 'healthCheck']);

const changeable = Object.keys(circuitBreakerRules).filter((option) => !fixed.has(option));
