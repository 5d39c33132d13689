/**
 * Cache: answers calls with values of earlier calls, while they are fresh, and for a while after when that is better than
 * to wait or to fail.
 *
 * Use it for reads whose answer may be a little old. The key must hold all that the value depends on, what is asked and who
 * asks included. Do not use it for work that has effects, or for answers that must be current.
 *
 *   call ── fresh ─────────────────────────────────────► the kept value
 *     ├──── stale, within staleWhileRevalidateMs ──────► the kept value, and one run in the background
 *     └──── older, or nothing kept ──► one run per key ─► its value ── failed, within staleIfErrorMs ─► the kept value
 *
 * Invariants
 *  (1) A value is never given once it is older than its time to live and the stale time that applies.
 *  (2) Values and errors come back by identity.
 *  (3) A key has at most one run at a time; calls that need its value meanwhile share it.
 *  (4) It holds at most `maxEntries` entries, and no run in the background for a key whose entry is gone.
 *  (5) A caller whose context ends is told so at once, and is never answered with a stale value; others are not concerned.
 *  (6) A run ends when the last of those who wait for it has left; the cache itself waits while it refreshes.
 *  (7) What was asked before `invalidate` or `clear` is not stored.
 *  (8) Failures are kept only with `failureTtlMs`; rejections and cancellations never are.
 *  (9) There is no timer: freshness follows from the age of a value, on the clock.
 *  (10) A `keyOf` that throws, or gives neither a string nor undefined, is reported, and the call runs uncached.
 *  (11) An update changes options between two calls, keeps all values, and changes nothing when it is refused.
 *
 * Source: stale-while-revalidate and stale-if-error of RFC 5861, M. Nottingham, 2010, https://www.rfc-editor.org/rfc/rfc5861.
 *
 * @module
 */

import { readOnce, systemClock } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import {
  type Describable,
  type Enforcement,
  type PolicyDescription,
  type PolicyKind,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import type { Handler } from '../../kernel/handler.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import {
  type OptionRules,
  anyFunction,
  checkOptions,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
} from '../../kernel/option-rules.ts';
import { withDefaults, withKnown } from '../../kernel/options.ts';
import { type Classify, classifyByError } from '../../kernel/outcome.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { systemRandom } from '../../kernel/random.ts';
import { updatable } from '../../kernel/update-plan.ts';
import { type CacheSnapshot, CacheTally } from './cache-tally.ts';
import { type CacheLimits, type CachedValue, CachedValues } from './cached-values.ts';
import { observeCall } from './observed-call.ts';

export type {
  CacheEvictedEvent,
  CacheMissedEvent,
  CacheRefreshFailedEvent,
  CacheRefreshedEvent,
  CacheServedEvent,
  CacheSnapshot,
} from './cache-tally.ts';
export type { CachedValue } from './cached-values.ts';

/** Options of {@link cache}. Omitted ones take {@link cacheDefaults}. */
export interface CacheOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'cache' */
  readonly name?: string;
  /**
   * What a call asks for; calls with equal keys get the same value, undefined is not cached. It sees the context only: put
   * what the key is made of there. Called once per call; if it throws, that is reported and the call runs uncached.
   */
  readonly keyOf: (context: Context) => string | undefined;
  /** Time for which a value is fresh. Milliseconds, 0 to 2 592 000 000 (30 days); 0 never is. @defaultValue 60_000 */
  readonly ttlMs?: number;
  /**
   * Share of `ttlMs` by which a value may cease to be fresh earlier, drawn per value, so that values stored together do not
   * expire together. Ratio, 0 to 1. @defaultValue 0.1
   */
  readonly expiryJitterRatio?: number;
  /**
   * Time after freshness in which the value is given at once, while it is fetched anew in the background. Milliseconds, 0 to
   * 2 592 000 000; 0 never. @defaultValue 0
   */
  readonly staleWhileRevalidateMs?: number;
  /**
   * Time after freshness in which the value is given when the operation fails or a policy inside refuses to run it.
   * Milliseconds, 0 to 2 592 000 000; 0 never. @defaultValue 0
   */
  readonly staleIfErrorMs?: number;
  /**
   * Time for which a failure of the operation is given to further calls, without running it. Milliseconds, 0 to 3 600 000; 0
   * keeps no failures. @defaultValue 0
   */
  readonly failureTtlMs?: number;
  /** Entries held; the one that was used longest ago makes room. Integer, 1 to 1 000 000. @defaultValue 1_000 */
  readonly maxEntries?: number;
  /**
   * Which outcomes are kept and which are failures: a `success` is kept, a `failure` may be answered with a stale value,
   * what is `ignored` is handed on. By default values are successes and errors failures. It is not asked about rejections.
   */
  readonly classify?: Classify;
  /**
   * `enforce` answers from what it holds; `observe` runs every call and counts those that it would have answered; `off` does
   * nothing. @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
}

/** What {@link Cache.update} may change. */
export type CacheChanges = Partial<Omit<CacheOptions, 'name' | 'keyOf' | keyof PolicyPorts>>;

/** Every default of {@link cache}, in one place. */
export const cacheDefaults: DefaultsOf<CacheOptions, 'keyOf'> = Object.freeze({
  name: 'cache',
  ttlMs: 60_000,
  expiryJitterRatio: 0.1,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  failureTtlMs: 0,
  maxEntries: 1000,
  classify: classifyByError,
  enforcement: 'enforce',
  clock: systemClock,
});

const LONGEST_MS = 2_592_000_000;

/** What the options of {@link cache} may be. */
export const cacheRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  keyOf: anyFunction,
  ttlMs: numberFrom(0, LONGEST_MS),
  expiryJitterRatio: numberFrom(0, 1),
  staleWhileRevalidateMs: numberFrom(0, LONGEST_MS),
  staleIfErrorMs: numberFrom(0, LONGEST_MS),
  failureTtlMs: numberFrom(0, 3_600_000),
  maxEntries: integerFrom(1, 1_000_000),
  classify: anyFunction,
  enforcement: oneOfStrings(...enforcements),
});

/** A cache. */
export interface Cache extends LayeredPolicy, Updatable<CacheChanges>, Describable {
  /** Returns what is held for `key` and could still be given; undefined else. It counts as no use. */
  peek(key: string): CachedValue | undefined;
  /** Forgets what is held for `key`, and does not store what was asked for before. Returns whether something was held. */
  invalidate(key: string): boolean;
  /** Forgets everything, and does not store what was asked for before. */
  clear(): void;
  /** What it holds now, and what it has counted. */
  snapshot(): CacheSnapshot;
}

/**
 * Creates a cache. Its values are shared by all calls through this instance.
 *
 * A run that fetches a value has the values of the context of the call that started it, and no deadline: put a timeout
 * inside. It ends when nobody waits for it any more.
 *
 * @throws ConfigError at creation and from update, when `keyOf` is missing or an option is out of range.
 * @throws what the run for the key ended with from execute, unchanged, to each that waited for it.
 * @throws `context.cause` from execute, when the caller's own context ended first.
 *
 * @example
 * ```ts
 * const sku = contextKey<string>('sku');
 * const prices = cache({ keyOf: (context) => context.value(sku), ttlMs: 5000, staleIfErrorMs: 600_000 });
 * const price = await prices.execute((context) => fetchPrice('tea', context), request.withValue(sku, 'tea'));
 * ```
 */
export function cache(options: CacheOptions): Cache {
  const resolved = withDefaults('cache', cacheDefaults, options, ['keyOf']);
  checkOptions('cache', cacheRules, resolved);
  const { name, clock, keyOf, random = systemRandom, events = silence } = resolved;
  const values = new CachedValues({ name, clock, random, tally: new CacheTally(name, events) }, limitsOf(resolved));
  const layer = (inner: Handler): Handler => cacheHandler(values, { name, keyOf }, inner);
  const changing = updatable({
    name,
    resolve: (changes: CacheChanges) => changeLimits(values.limits, changes), // (11)
    apply: (limits) => values.apply(limits),
  });
  return Object.assign(createPolicy({ kind: 'cache', name, clock, layer }), changing, {
    describe: () => describe(name, values.limits),
    peek: (key: string) => values.peek(key),
    invalidate: (key: string) => values.invalidate(key),
    clear: () => values.clear(),
    snapshot: () => values.snapshot(),
  });
}

/** The kind of policy that {@link cache} makes, for configuration. */
export const cacheKind: PolicyKind = Object.freeze({
  kind: 'cache',
  rules: cacheRules,
  required: Object.freeze(['keyOf']),
  defaults: cacheDefaults,
  create: cache,
});

// --- internal ---

interface KeySource {
  readonly name: string;
  readonly keyOf: CacheOptions['keyOf'];
}

function cacheHandler(values: CachedValues, source: KeySource, inner: Handler): Handler {
  return (operation, context, sink, calledAt) => {
    const { enforcement } = values.limits;
    const key = enforcement === 'off' ? undefined : keyFor(source, context);
    if (key === undefined) {
      inner(operation, context, sink, calledAt);
      return;
    }
    const lookup = { key, inner, operation, context, sink, now: readOnce(values.clock, calledAt) };
    if (enforcement === 'observe') observeCall(values, lookup);
    else values.serve(lookup);
  };
}

/** Asks `keyOf`. Never throws. */
function keyFor({ keyOf, name }: KeySource, context: Context): string | undefined {
  try {
    const key: unknown = keyOf(context);
    if (key === undefined || typeof key === 'string') return key;
    ignoreRejection(key);
    throw new TypeError(`keyOf must return a string or undefined, got ${typeof key}`);
  } catch (error) {
    reportHookError('keyOf', error, name); // (10)
    return undefined;
  }
}

function limitsOf(options: CacheLimits): CacheLimits {
  const { ttlMs, expiryJitterRatio, staleWhileRevalidateMs, staleIfErrorMs, failureTtlMs } = options;
  const { maxEntries, classify, enforcement } = options;
  return {
    ttlMs,
    expiryJitterRatio,
    staleWhileRevalidateMs,
    staleIfErrorMs,
    failureTtlMs,
    maxEntries,
    classify,
    enforcement,
  };
}

function changeLimits(limits: CacheLimits, changes: CacheChanges): CacheLimits {
  const next = withKnown('cache.update', limits, changes);
  const { name: _name, keyOf: _keyOf, ...rules } = cacheRules;
  checkOptions('cache', rules, next);
  return limitsOf(next);
}

function describe(name: string, limits: CacheLimits): PolicyDescription {
  const { classify: _classify, enforcement, ...numbers } = limits;
  const options = { keyOf: '[function]', ...numbers, classify: '[function]' };
  const hidesFailures = enforcement === 'enforce' && limits.staleIfErrorMs > 0;
  const sharing = enforcement === 'enforce' && {
    detachesDeadline: true,
    ...(limits.staleWhileRevalidateMs > 0 && { runsInBackground: true }),
    assumes: 'it stands in no other pipeline',
  };
  return { kind: 'cache', name, enforcement, options, traits: { isShared: true, hidesFailures, ...sharing } };
}
