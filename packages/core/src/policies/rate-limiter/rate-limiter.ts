/**
 * Rate limiter: lets calls start at a steady rate, with bursts, so that a quota of somebody else is kept.
 *
 * Use one per quota. Without a queue a call that comes too soon is refused at once; with one it waits its turn, inside its
 * own deadline.
 *
 *   arrives ── within the rate, nobody waits ─► runs
 *      ├────── room in the queue, and time ───► waiting ── its turn ─► runs
 *      │                                           └────── context ends ─► settled (cause)
 *      └────── neither ─► refused (RateLimitedError)
 *
 * Invariants
 *  (1) In any span of time at most `maxBurst` calls start, plus `maxPerInterval` for each `intervalMs` of the span; each counts
 *      as many times as it costs, and one that costs more than `maxBurst` waits for a whole burst and is worked off in full.
 *  (2) Calls start in the order in which they came; at most `maxQueued` wait.
 *  (3) A wait that would reach the deadline is not begun.
 *  (4) A waiting call leaves as soon as its context ends, runs nothing, and uses nothing up.
 *  (5) There is a timer only while calls wait, and then one.
 *  (6) Under `observe` and `off` no call waits or is refused.
 *
 * @module
 */

import { readOnce, systemClock } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import type { Describable, Enforcement, PolicyDescription, PolicyKind, Updatable } from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import type { Handler } from '../../kernel/handler.ts';
import { checkOptions } from '../../kernel/option-rules.ts';
import { integerInRange, withDefaults } from '../../kernel/options.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { updatable } from '../../kernel/update-plan.ts';
import { Limiter, type LimiterSettings, type RateLimiterGrant, type RateLimiterSnapshot } from './limiter.ts';
import { type Limits, MAX_COST, changeLimits, limitsOf, rateLimiterRules } from './limits.ts';

export type { RateLimiterGrant, RateLimiterSnapshot } from './limiter.ts';
export { rateLimiterRules } from './limits.ts';
export { RateLimitedError, type RateLimiterRejectedEvent } from './refusal.ts';

/** Options of {@link rateLimiter}. Omitted ones take {@link rateLimiterDefaults}. */
export interface RateLimiterOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'rate-limiter' */
  readonly name?: string;
  /** Calls that may start per `intervalMs`, spread evenly. Integer, 1 to 1 000 000. */
  readonly maxPerInterval: number;
  /**
   * Time in which `maxPerInterval` calls may start. Milliseconds, 1 to 86 400 000, and at least a thousandth of
   * `maxPerInterval`.
   * @defaultValue 1_000
   */
  readonly intervalMs?: number;
  /**
   * Calls that may start at once after a time without any. Integer, 1 to 1 000 000; 1 keeps them all apart. By default
   * `maxPerInterval`.
   */
  readonly maxBurst?: number;
  /** Calls that may wait for their turn. Integer, 0 to 1 000 000; 0 refuses instead of waiting. @defaultValue 0 */
  readonly maxQueued?: number;
  /**
   * How much of the rate a call uses up: an integer, 1 to 1 000 000. What is no such integer counts as 1 and is reported. By
   * default each call costs 1.
   */
  readonly costOf?: (context: Context) => number;
  /**
   * `enforce` limits; `observe` lets all calls run and counts those that would have been refused; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
  /**
   * Time that calls admitted earlier still count for, as `snapshot().backlogMs` told it, less the time since. Milliseconds,
   * 0 or more; more than a whole burst counts as that.
   * @defaultValue 0
   */
  readonly initialBacklogMs?: number;
}

/** What {@link RateLimiter.update} may change. */
export type RateLimiterChanges = Partial<Omit<RateLimiterOptions, 'name' | 'initialBacklogMs' | keyof PolicyPorts>>;

/** Every default of {@link rateLimiter}, in one place. */
export const rateLimiterDefaults: DefaultsOf<RateLimiterOptions, 'maxPerInterval' | 'maxBurst' | 'costOf'> =
  Object.freeze({
    name: 'rate-limiter',
    intervalMs: 1000,
    maxQueued: 0,
    enforcement: 'enforce',
    initialBacklogMs: 0,
    clock: systemClock,
  });

/** A rate limiter policy. */
export interface RateLimiter extends LayeredPolicy, Updatable<RateLimiterChanges>, Describable {
  /** What it knows now. */
  snapshot(): RateLimiterSnapshot;
  /**
   * Changes limits. Calls that started go on counting, and calls that wait keep their places; where nothing is enforced any
   * more, they start.
   *
   * @throws ConfigError when an option is out of range; then nothing changes.
   * @throws TypeError when an option is unknown or cannot be changed; then nothing changes.
   */
  update(changes: RateLimiterChanges): void;
  /**
   * Takes what `count` calls would use up, if they could start now, and says when to come back if not. It neither waits nor
   * throws because of the rate. `count` is an integer, 1 to 1 000 000, by default 1.
   *
   * @throws ConfigError when `count` is out of range.
   */
  tryAcquire(count?: number): RateLimiterGrant;
}

/**
 * Creates a rate limiter. Its rate is shared by all calls through this instance.
 *
 * @param options - Options, or just `maxPerInterval`: calls per second.
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws RateLimitedError from execute, when the call came too soon and there is no room in the queue, or no time to wait.
 * @throws `context.cause` from execute, when the context ended while the call waited.
 *
 * @example
 * ```ts
 * const geocoder = rateLimiter({ maxPerInterval: 50, intervalMs: 1000, maxBurst: 10, maxQueued: 100 });
 * ```
 */
export function rateLimiter(options: RateLimiterOptions | number): RateLimiter {
  const settings = resolve(typeof options === 'number' ? { maxPerInterval: options } : options);
  const { name, clock } = settings;
  const limiter = new Limiter(settings);
  const changing = updatable({
    name,
    resolve: (changes: RateLimiterChanges) => changeLimits(limiter.pace.limits, changes),
    apply: (limits) => limiter.apply(limits),
  });
  const layer = (inner: Handler): Handler => rateHandler(limiter, settings, inner);
  return Object.assign(createPolicy({ kind: 'rate-limiter', name, layer, clock }), changing, {
    snapshot: () => limiter.snapshot(),
    tryAcquire: (count = 1) => limiter.acquire(requireCount(count)),
    describe: () => describe(name, limiter.pace.limits),
  });
}

/** The kind of policy that {@link rateLimiter} makes, for configuration. */
export const rateLimiterKind: PolicyKind = Object.freeze({
  kind: 'rate-limiter',
  rules: rateLimiterRules,
  required: Object.freeze(['maxPerInterval']),
  defaults: rateLimiterDefaults,
  create: rateLimiter,
});

// --- internal ---

function resolve(options: RateLimiterOptions): LimiterSettings {
  const resolved = withDefaults('rateLimiter', rateLimiterDefaults, options, ['maxPerInterval', 'maxBurst', 'costOf']);
  const { name, clock, events = silence, captureAsyncContext, initialBacklogMs } = resolved;
  const { name: ruleOfName, initialBacklogMs: ruleOfBacklog } = rateLimiterRules as Required<typeof rateLimiterRules>;
  checkOptions(
    'rateLimiter',
    { name: ruleOfName, initialBacklogMs: ruleOfBacklog } as typeof rateLimiterRules,
    resolved,
  );
  return { name, clock, events, captureAsyncContext, limits: limitsOf(resolved), initialBacklogMs };
}

function requireCount(count: number): number {
  integerInRange('rateLimiter.tryAcquire count', count, [1, MAX_COST]);
  return count;
}

function rateHandler(limiter: Limiter, { clock }: LimiterSettings, inner: Handler): Handler {
  return (operation, context, sink, calledAt) => {
    const { enforcement, costOf } = limiter.pace.limits;
    if (enforcement === 'off') {
      inner(operation, context, sink, calledAt);
      return;
    }
    const now = readOnce(clock, calledAt);
    const cost = costOf === undefined ? 1 : limiter.costOf(context);
    if (limiter.lets(context, cost, now)) inner(operation, context, sink, now);
    else limiter.queueOrRefuse({ inner, operation, context, sink }, cost, now);
  };
}

function describe(name: string, limits: Limits): PolicyDescription {
  const { maxPerInterval, intervalMs, maxBurst, maxQueued, costOf, enforcement, emissionMs } = limits;
  const options = {
    maxPerInterval,
    intervalMs,
    maxBurst,
    maxQueued,
    ...(costOf !== undefined && { costOf: '[function]' }),
  };
  const mayWait = maxQueued > 0 && enforcement === 'enforce';
  const longestWaitMs = costOf === undefined ? maxQueued * emissionMs : Infinity; // a backlog is a burst at most
  const waiting = { maxWaitMs: longestWaitMs, assumes: 'nobody takes from it by hand, and it never had another rate' };
  const traits = { maxWaitMs: 0, isShared: true, ...(mayWait && waiting) };
  return { kind: 'rate-limiter', name, enforcement, options, traits };
}
