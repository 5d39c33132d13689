/**
 * Redis rate limiter: one rate for a fleet, kept in Redis, and hardly ever asked for on the way of a call.
 *
 * Use it where the quota belongs to all processes together: somebody else's API, a database. For one process alone, `rateLimiter`
 * of core is exact and needs nothing.
 *
 *   arrives ── a token in hand, nobody waits ─► runs
 *      ├────── room in the line, and time ────► waiting ── a batch comes ─► runs
 *      │                                           ├────── maxWaitMs ─────► refused (RateLimitedError)
 *      │                                           └────── context ends ──► settled (cause)
 *      └────── neither ─► refused (RateLimitedError)
 *
 * Invariants
 *  (1) In any span of time the fleet starts at most `maxBurst` calls, plus `maxPerInterval` for each `intervalMs` of the span,
 *      plus the tokens that nodes had in hand when it began; as long as the store answers.
 *  (2) Whether a call starts, waits or is refused is decided by what is in memory, whatever the store does.
 *  (3) Under `observe` and `off` no call waits or is refused.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import {
  type Clock,
  type Context,
  type DefaultsOf,
  type Describable,
  type Enforcement,
  type Handler,
  type LayeredPolicy,
  type PolicyDescription,
  type PolicyPorts,
  type Random,
  type RateLimiterGrant,
  type Updatable,
  createPolicy,
  inRange,
  integerInRange,
  isName,
  oneOf,
  readOnce,
  reportHookError,
  systemClock,
  systemRandom,
  withDefaults,
  steadyRandom,
} from '@holdfast/core';

import type { RedisClient } from '../redis-client.ts';
import { keyBase, requireId, requireKeyPlace } from '../redis-key.ts';
import { requireClient } from '../require-client.ts';
import { type ScriptLink, openLink } from '../script-link.ts';
import { type Limits, changeLimits, limitsOf } from './limits.ts';
import { SharedLimiter, type SharedRateLimiterSnapshot } from './shared-limiter.ts';

export type { RateLimiterDisagreedEvent, RateLimiterModeChangedEvent } from './limiter-events.ts';
export type { SharedRateLimiterSnapshot } from './shared-limiter.ts';
export type { SupplyMode } from './token-supply.ts';

/** Options of {@link redisRateLimiter}. Omitted ones take {@link redisRateLimiterDefaults}. */
export interface RedisRateLimiterOptions extends PolicyPorts {
  /** Who shares: one application in one environment, as `shop-prod`. 1 to 64 letters, digits, `_ . : -`. */
  readonly namespace: string;
  /** Names the rate, the same in all processes, and this instance in errors, events and metrics. 1 to 128 characters. */
  readonly name: string;
  /** Calls of the fleet that may start per `intervalMs`, spread evenly. Integer, 1 to 1 000 000. */
  readonly maxPerInterval: number;
  /**
   * Time in which `maxPerInterval` calls may start. Milliseconds, 1 to 86 400 000, and at least a thousandth of
   * `maxPerInterval`.
   * @defaultValue 1_000
   */
  readonly intervalMs?: number;
  /**
   * Calls of the fleet that may start at once after a time without any. Integer, 1 to 1 000 000. By default `maxPerInterval`.
   */
  readonly maxBurst?: number;
  /**
   * Calls that may wait in this process for a token. Integer, 0 to 1 000 000; 0 refuses whenever there is none in hand, so
   * also the first call.
   * @defaultValue 1_000
   */
  readonly maxQueued?: number;
  /** Time that a call may wait for a token. Milliseconds, 0 to 86 400 000. @defaultValue 300 */
  readonly maxWaitMs?: number;
  /**
   * How much of the rate a call uses up: an integer, 1 to `maxBurst`. What is no such integer counts as 1 and is reported.
   * By default each call costs 1.
   */
  readonly costOf?: (context: Context) => number;
  /**
   * `enforce` limits; `observe` lets all calls run and counts those that would have been refused; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
  /**
   * Life of a batch: what is not used by then is given back. Longer ones ask less often. Milliseconds, 20 to 60 000.
   * @defaultValue 200
   */
  readonly leaseMs?: number;
  /**
   * Share of `maxBurst` that the nodes together may have in hand; each may have at least 1. Above 0, up to 1.
   * @defaultValue 0.2
   */
  readonly maxLeaseRatio?: number;
  /**
   * What a node does while the store does not answer: `local` goes by its share of the rate, `refuse` refuses.
   * @defaultValue 'local'
   */
  readonly whenUnavailable?: 'local' | 'refuse';
  /** Nodes that share the rate, until the store has said how many there are. Integer, 1 to 100 000. @defaultValue 1 */
  readonly expectedNodeCount?: number;
  /** Time after which an unanswered request counts as lost. Milliseconds, 10 to 10 000. @defaultValue 200 */
  readonly commandTimeoutMs?: number;
  /** What all keys begin with. @defaultValue 'rb' */
  readonly prefix?: string;
}

/** What {@link RedisRateLimiter.update} may change. */
export type RedisRateLimiterChanges = Partial<
  Pick<
    RedisRateLimiterOptions,
    'maxPerInterval' | 'intervalMs' | 'maxBurst' | 'maxQueued' | 'maxWaitMs' | 'costOf' | 'enforcement'
  >
>;

/** Every default of {@link redisRateLimiter}, in one place. */
export const redisRateLimiterDefaults: DefaultsOf<
  RedisRateLimiterOptions,
  'namespace' | 'name' | 'maxPerInterval' | 'maxBurst' | 'costOf'
> = Object.freeze({
  intervalMs: 1000,
  maxQueued: 1000,
  maxWaitMs: 300,
  enforcement: 'enforce',
  leaseMs: 200,
  maxLeaseRatio: 0.2,
  whenUnavailable: 'local',
  expectedNodeCount: 1,
  commandTimeoutMs: 200,
  prefix: 'rb',
  clock: systemClock,
});

/** A rate limiter policy whose rate a fleet shares. */
export interface RedisRateLimiter extends LayeredPolicy, Updatable<RedisRateLimiterChanges>, Describable {
  /** What this process knows now. */
  snapshot(): SharedRateLimiterSnapshot;
  /**
   * Takes what `count` calls would use up, if they could start now, and says when to come back if not. It neither waits nor
   * throws because of the rate. `count` is an integer, 1 to `maxBurst`, by default 1.
   *
   * @throws ConfigError when `count` is out of range.
   */
  tryAcquire(count?: number): RateLimiterGrant;
  /**
   * Gives back the tokens in hand and the connection. Calls that come later are decided as without a store; that this node goes on
   * alone is told by no event.
   */
  close(): Promise<void>;
}

/**
 * Creates a rate limiter whose rate is shared by all processes with the same `namespace` and `name`. It connects by itself, as
 * `redis` does; `redis` is only duplicated.
 *
 * @throws ConfigError at creation, when `redis` is no client of ioredis; there and from update, when an option is out of range.
 * @throws RateLimitedError from execute, when there is no token, and no room or time to wait for one.
 * @throws StoreUnavailableError from execute, when the store does not answer and `whenUnavailable` is `refuse`.
 * @throws `context.cause` from execute, when the context ended while the call waited.
 *
 * @example
 * ```ts
 * const geocoder = redisRateLimiter(redis, { namespace: 'shop-prod', name: 'geocoder', maxPerInterval: 50 });
 * ```
 */
export function redisRateLimiter(redis: RedisClient, options: RedisRateLimiterOptions): RedisRateLimiter {
  requireClient(PLACE, redis);
  const settings = rateLimiterSettings(options);
  return limiterOver(openLink(redis, settings), settings);
}

/** Options, checked and completed. */
export interface RateLimiterSettings extends Required<
  Omit<RedisRateLimiterOptions, 'maxBurst' | 'costOf' | keyof PolicyPorts>
> {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: PolicyPorts['events'];
  readonly captureAsyncContext: PolicyPorts['captureAsyncContext'];
  readonly limits: Limits;
}

/**
 * Checks and completes options.
 *
 * @throws ConfigError when one is out of range.
 */
export function rateLimiterSettings(options: RedisRateLimiterOptions): RateLimiterSettings {
  const resolved = withDefaults(PLACE, redisRateLimiterDefaults, options, needed);
  const { leaseMs, commandTimeoutMs, maxLeaseRatio, expectedNodeCount, whenUnavailable, name } = resolved;
  isName(`${PLACE}.name`, name);
  requireId(`${PLACE}.name`, name);
  requireKeyPlace(PLACE, resolved);
  inRange(`${PLACE}.leaseMs`, leaseMs, [20, 60_000]);
  inRange(`${PLACE}.commandTimeoutMs`, commandTimeoutMs, [10, 10_000]);
  inRange(`${PLACE}.maxLeaseRatio`, maxLeaseRatio, [Number.MIN_VALUE, 1]);
  integerInRange(`${PLACE}.expectedNodeCount`, expectedNodeCount, [1, 100_000]);
  oneOf(`${PLACE}.whenUnavailable`, whenUnavailable, ['local', 'refuse']);
  const { events, captureAsyncContext, random = systemRandom } = resolved;
  return { ...resolved, random, events, captureAsyncContext, limits: limitsOf(PLACE, resolved) };
}

/** Makes the policy over a link. */
export function limiterOver(link: ScriptLink, settings: RateLimiterSettings): RedisRateLimiter {
  const { name, clock } = settings;
  const limiter = new SharedLimiter({ ...settings, supply: { ...settings, ...supplyParts(link, settings) } });
  const layer = (inner: Handler): Handler => rateHandler(limiter, clock, inner);
  const resolve = (changes: RedisRateLimiterChanges): Limits => changeLimits(PLACE, limiter.limits, changes);
  return Object.assign(createPolicy({ kind: 'rate-limiter', name, layer, clock }), {
    update: (changes: RedisRateLimiterChanges) => limiter.apply(resolve(changes)),
    planUpdate: (changes: RedisRateLimiterChanges) => {
      resolve(changes);
      const named = { ...changes };
      return () => {
        try {
          limiter.apply(resolve(named));
        } catch (error) {
          reportHookError('planUpdate', error, name);
        }
      };
    },
    snapshot: () => limiter.snapshot(),
    tryAcquire: (count = 1) => {
      integerInRange(`${PLACE}.tryAcquire count`, count, [1, limiter.limits.maxBurst]);
      return limiter.acquire(count);
    },
    describe: () => describe(settings, limiter.limits),
    close: () => limiter.close(),
  });
}

// --- internal ---

const PLACE = 'redisRateLimiter';
const needed = ['namespace', 'name', 'maxPerInterval', 'maxBurst', 'costOf'];

function supplyParts(link: ScriptLink, settings: RateLimiterSettings) {
  const { name, random, leaseMs, maxLeaseRatio, whenUnavailable } = settings;
  const base = keyBase(settings, 'rate', name);
  const taker = { keys: [`${base}:g`, `${base}:n`], node: randomUUID(), leaseMs, maxLeaseRatio };
  return { link, taker, random: steadyRandom(random, name), sharesAlone: whenUnavailable === 'local' };
}

function rateHandler(limiter: SharedLimiter, clock: Clock, inner: Handler): Handler {
  return (operation, context, sink, calledAt) => {
    const { enforcement, costOf } = limiter.limits;
    if (enforcement === 'off') {
      inner(operation, context, sink, calledAt);
      return;
    }
    const now = readOnce(clock, calledAt);
    const cost = costOf === undefined ? 1 : limiter.costOf(context);
    if (limiter.lets(cost, now)) {
      inner(operation, context, sink, now);
    } else if (enforcement === 'observe') {
      limiter.observe(context, cost, now);
      inner(operation, context, sink, now);
    } else {
      limiter.queueOrRefuse({ inner, operation, context, sink }, cost, now);
    }
  };
}

function describe(settings: RateLimiterSettings, limits: Limits): PolicyDescription {
  const { name, namespace, prefix, leaseMs, maxLeaseRatio, whenUnavailable, expectedNodeCount } = settings;
  const { maxPerInterval, intervalMs, maxBurst, maxQueued, maxWaitMs, costOf, enforcement } = limits;
  const ofStore = { namespace, prefix, leaseMs, maxLeaseRatio, whenUnavailable, expectedNodeCount };
  const ofRate = { maxPerInterval, intervalMs, maxBurst, maxQueued, maxWaitMs };
  const options = { ...ofStore, ...ofRate, ...(costOf !== undefined && { costOf: '[function]' }) };
  const mayWait = maxQueued > 0 && enforcement === 'enforce';
  const traits = { maxWaitMs: mayWait ? maxWaitMs : 0, isShared: true };
  return { kind: 'rate-limiter', name, enforcement, options, traits };
}
