/**
 * Deferral: accepts work now and does it later, once the feature is back, at a limited rate.
 *
 *   defer ─► outbox ── the feature is not deferred any more ─► deliver, one at a time ── done ─► gone
 *      │                                                         └── fails ─► behind the others ── too often ─► dead
 *      └── no room ─► OutboxFullError
 *
 * Invariants
 *  (1) Nothing is lost silently: what is not kept is refused, and what cannot be delivered stays in the outbox, dead.
 *  (2) Work with the same key is kept once, and not again shortly after it was done.
 *  (3) `defer` ends with its context, whatever the outbox does.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  Context,
  type Events,
  type Random,
  RejectionError,
  createEvents,
  inRange,
  integerInRange,
  isFunction,
  isName,
  nameErrorClass,
  requireContext,
  systemClock,
  systemRandom,
  withKnown,
  steadyRandom,
} from '@holdfast/core';

import { tellKept, tellRefused } from './deferral-events.ts';
import { type Delivery, Drain, type DrainParts } from './drain.ts';
import type { Outbox, OutboxCounts } from './outbox.ts';
import { settledBy } from './settled-by.ts';

/** Options of {@link createDeferral}. Omitted ones take {@link deferralDefaults}. */
export interface DeferralOptions<T> {
  /** Names this instance in events. @defaultValue 'deferral' */
  readonly name?: string;
  /** Where work waits: `memoryOutbox`, `redisOutbox`, or one of your own. */
  readonly outbox: Outbox<T>;
  /** Names an item by what it is, such as an order's id: 1 to 128 characters. Work with the same name is kept once. */
  readonly keyOf: (item: T) => string;
  /** Does one piece of work. It may be called more than once for the same: hand on `delivery.key`. */
  readonly deliver: (item: T, context: Context, delivery: Delivery) => unknown;
  /** Whether work is still being deferred: `() => handle.mode === 'deferred'`. When it throws, it is. */
  readonly isDeferred: () => boolean;
  /** Told of an item that has failed `maxAttempts` times, and is kept with the dead of the outbox. Not waited for. */
  readonly onDead?: (item: T, error: unknown) => unknown;
  /** Deliveries that start in a second, by all who share the outbox. Number, 0.001 to 10 000. @defaultValue 10 */
  readonly maxPerSecond?: number;
  /** Time that one delivery may take. Milliseconds, 1 to 600 000. @defaultValue 10_000 */
  readonly deliveryTimeoutMs?: number;
  /** Time after its last moment that a delivery's process counts as dead, and the item is given out again. Milliseconds, 100 to 600 000. @defaultValue 5000 */
  readonly leaseMarginMs?: number;
  /** Time that one call to the outbox may take, beside `add` and `count`. It should be longer than the outbox's own limit. Milliseconds, 10 to 600 000. @defaultValue 5000 */
  readonly outboxTimeoutMs?: number;
  /** Attempts at one item before it is dead, if it is `minDeadAfterMs` old. Integer, 1 to 1000. @defaultValue 10 */
  readonly maxAttempts?: number;
  /** Age below which an item does not die of attempts that failed, however many. 0: attempts alone decide. Milliseconds, 0 to 604 800 000. @defaultValue 3_600_000 */
  readonly minDeadAfterMs?: number;
  /** Time between looks at whether the feature is back, give or take a fifth. Milliseconds, 10 to 600 000. @defaultValue 1000 */
  readonly lookEveryMs?: number;
  /** The longest pause after deliveries that failed: they start at `lookEveryMs` and double. Milliseconds, 10 to 3 600 000. @defaultValue 60_000 */
  readonly maxPauseMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where `deferral.kept`, `.refused`, `.delivered`, `.failed` and `.dead` are told; by default nowhere. */
  readonly events?: Events;
}

/** Every default of {@link createDeferral}, in one place. */
export const deferralDefaults: Omit<
  Required<DeferralOptions<never>>,
  'outbox' | 'keyOf' | 'deliver' | 'isDeferred' | 'onDead' | 'events'
> = Object.freeze({
  name: 'deferral',
  maxPerSecond: 10,
  deliveryTimeoutMs: 10_000,
  leaseMarginMs: 5000,
  outboxTimeoutMs: 5000,
  maxAttempts: 10,
  minDeadAfterMs: 3_600_000,
  lookEveryMs: 1000,
  maxPauseMs: 60_000,
  clock: systemClock,
  random: systemRandom,
});

/** There is no room to defer anything more. Nothing was accepted. */
export class OutboxFullError extends RejectionError {
  readonly code = 'OUTBOX_FULL';
}

/** What became of work that was deferred. */
export interface Deferred {
  /** Names it: what a 202 may point to. */
  readonly key: string;
  /** False where work with that key was kept before, or was done lately. Either way it is accepted. */
  readonly isNew: boolean;
}

/** Work that is done later. */
export interface Deferral<T> {
  /**
   * Accepts `item`: resolves when it is kept, which is when to answer 202. Ends with `context`, if one is given; then, as when
   * the outbox does not answer, it may have been kept or not, and deferring it again is safe.
   */
  defer(item: T, context?: Context): Promise<Deferred>;
  /** What is in the outbox. */
  count(): Promise<OutboxCounts>;
  /**
   * Starts no delivery any more. Resolves when the one under way has come to its end, after at most `deliveryTimeoutMs`, and
   * the outbox has heard of it, or not within `outboxTimeoutMs`. Does not wait for `onDead`. `defer` goes on working. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Creates a deferral. It looks for work until it is closed; its timer does not keep the process alive.
 *
 * Any number of processes may share an outbox, each with a deferral of its own; all of them deliver.
 *
 * @throws ConfigError at creation, when an option is missing or out of range; from defer, when `keyOf` returns no key or `context` is none.
 * @throws OutboxFullError from defer, when there is no room. Nothing was accepted.
 * @throws the outbox's error from defer, unchanged, when it does not answer: `StoreUnavailableError` of a shared one.
 * @throws `context.cause` from defer, when the context ends first.
 *
 * @example
 * ```ts
 * const deferral = createDeferral({ outbox, keyOf: ({ id }) => id, deliver: pay, isDeferred: () => checkout.mode === 'deferred' });
 * ```
 */
export function createDeferral<T>(options: DeferralOptions<T>): Deferral<T> {
  return new OutboxDeferral<T>(resolve(options));
}

// --- internal ---

nameErrorClass(OutboxFullError, 'OutboxFullError');

type DeferralParts<T> = DrainParts<T> & Pick<DeferralOptions<T>, 'keyOf'>;

const MAX_KEY_LENGTH = 128;

function resolve<T>(options: DeferralOptions<T>): DeferralParts<T> {
  const names = ['outbox', 'keyOf', 'deliver', 'isDeferred', 'onDead', 'events'];
  const resolved = withKnown('deferral', deferralDefaults, options, names);
  isName('deferral.name', resolved.name);
  for (const name of ['keyOf', 'deliver', 'isDeferred'] as const) isFunction(`deferral.${name}`, resolved[name]);
  if (resolved.onDead !== undefined) isFunction('deferral.onDead', resolved.onDead);
  if (typeof resolved.outbox?.take !== 'function')
    throw new ConfigError('deferral.outbox', 'an Outbox', resolved.outbox);
  inRange('deferral.maxPerSecond', resolved.maxPerSecond, [0.001, 10_000]);
  inRange('deferral.deliveryTimeoutMs', resolved.deliveryTimeoutMs, [1, 600_000]);
  inRange('deferral.leaseMarginMs', resolved.leaseMarginMs, [100, 600_000]);
  inRange('deferral.outboxTimeoutMs', resolved.outboxTimeoutMs, [10, 600_000]);
  integerInRange('deferral.maxAttempts', resolved.maxAttempts, [1, 1000]);
  inRange('deferral.minDeadAfterMs', resolved.minDeadAfterMs, [0, 604_800_000]);
  inRange('deferral.lookEveryMs', resolved.lookEveryMs, [10, 600_000]);
  inRange('deferral.maxPauseMs', resolved.maxPauseMs, [10, 3_600_000]);
  const random = steadyRandom(resolved.random, resolved.name);
  return { ...resolved, random, events: resolved.events ?? createEvents() };
}

class OutboxDeferral<T> implements Deferral<T> {
  readonly #parts: DeferralParts<T>;
  readonly #drain: Drain<T>;

  constructor(parts: DeferralParts<T>) {
    this.#parts = parts;
    this.#drain = new Drain(parts);
  }

  async defer(item: T, context: Context = Context.background): Promise<Deferred> {
    requireContext('defer', context);
    context.throwIfCancelled();
    const { outbox, keyOf } = this.#parts;
    const key = keyOf(item);
    if (typeof key !== 'string' || key === '' || key.length > MAX_KEY_LENGTH)
      throw new ConfigError('deferral.keyOf', `a function that returns 1 to ${MAX_KEY_LENGTH} characters`, key);
    const answer = await settledBy(context, outbox.add(key, item)); // (3)
    if (answer !== 'full') return this.#kept(key, answer === 'kept');
    tellRefused(this.#parts, key);
    throw new OutboxFullError('the outbox is full; nothing was accepted'); // (1)
  }

  count(): Promise<OutboxCounts> {
    return this.#parts.outbox.count();
  }

  close(): Promise<void> {
    return this.#drain.close();
  }

  #kept(key: string, isNew: boolean): Deferred {
    if (isNew) tellKept(this.#parts, key); // (2)
    return { key, isNew };
  }
}
