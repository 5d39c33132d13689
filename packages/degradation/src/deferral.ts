/**
 * Deferral: accepts work now and does it later, once the feature is back, at a limited rate.
 *
 *   defer ─► outbox ── the feature is not deferred any more ─► deliver, one at a time ── done ─► gone
 *      │                                                         └── fails ─► behind the others ── too often ─► onDead
 *      └── no room ─► OutboxFullError
 *
 * Invariants
 *  (1) Nothing is lost silently: what is not kept is refused, and what cannot be delivered is handed to `onDead`.
 *  (2) While `isDeferred()` says so nothing is delivered; after it deliveries start at most `maxPerSecond` a second, one at a
 *      time.
 *  (3) A delivery may happen twice, when the outbox fails after it: deliver what has an identity.
 *  (4) After close() nothing new starts and no timer is left; what waits stays in the outbox.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Context,
  Context as Contexts,
  type Random,
  RejectionError,
  type Timer,
  inRange,
  integerInRange,
  isFunction,
  nameErrorClass,
  reportHookError,
  systemClock,
  systemRandom,
  withKnown,
} from '@holdfast/core';

import type { Outbox, OutboxEntry } from './outbox.ts';

/** Options of {@link createDeferral}. Omitted ones take {@link deferralDefaults}. */
export interface DeferralOptions<T> {
  /** Where work waits. */
  readonly outbox: Outbox<T>;
  /** Does one piece of work. It may be called twice for the same. */
  readonly deliver: (item: T, context: Context) => unknown;
  /** Whether work is still being deferred: `() => handle.mode === 'deferred'`. Must not throw. */
  readonly isDeferred: () => boolean;
  /** Takes what failed `maxAttempts` times. When it throws, the item stays. */
  readonly onDead: (item: T, error: unknown) => unknown;
  /** Deliveries that start in a second. Number, above 0, to 10 000. @defaultValue 10 */
  readonly maxPerSecond?: number;
  /** Time that one delivery may take. Milliseconds, 1 to 600 000. @defaultValue 10_000 */
  readonly deliveryTimeoutMs?: number;
  /** Deliveries of one item before it is given to `onDead`. Integer, 1 to 1000. @defaultValue 10 */
  readonly maxAttempts?: number;
  /** Time between looks at whether the feature is back, give or take a fifth. Milliseconds, 10 to 600 000. @defaultValue 1000 */
  readonly lookEveryMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Every default of {@link createDeferral}, in one place. */
export const deferralDefaults: {
  readonly maxPerSecond: number;
  readonly deliveryTimeoutMs: number;
  readonly maxAttempts: number;
  readonly lookEveryMs: number;
  readonly clock: Clock;
  readonly random: Random;
} = Object.freeze({
  maxPerSecond: 10,
  deliveryTimeoutMs: 10_000,
  maxAttempts: 10,
  lookEveryMs: 1000,
  clock: systemClock,
  random: systemRandom,
});

/** There is no room to defer anything more. Nothing was accepted. */
export class OutboxFullError extends RejectionError {
  readonly code = 'OUTBOX_FULL';
}

/** Work that is done later. */
export interface Deferral<T> {
  /** Accepts `item`: resolves when it is kept, which is when to answer 202. Rejects with `OutboxFullError`. */
  defer(item: T): Promise<void>;
  /** Items that wait. */
  count(): Promise<number>;
  /** Ends deliveries. Idempotent. */
  close(): void;
}

/**
 * Creates a deferral. It looks for work until it is closed; its timer does not keep the process alive.
 *
 * @throws ConfigError at creation, when an option is missing or out of range.
 * @throws OutboxFullError from defer, when there is no room.
 */
export function createDeferral<T>(options: DeferralOptions<T>): Deferral<T> {
  const names = ['outbox', 'deliver', 'isDeferred', 'onDead'];
  const resolved = withKnown('deferral', deferralDefaults, options, names);
  for (const name of ['deliver', 'isDeferred', 'onDead'] as const) isFunction(`deferral.${name}`, resolved[name]);
  if (typeof resolved.outbox?.peek !== 'function')
    throw new ConfigError('deferral.outbox', 'an Outbox', resolved.outbox);
  inRange('deferral.maxPerSecond', resolved.maxPerSecond, [0.001, 10_000]);
  inRange('deferral.deliveryTimeoutMs', resolved.deliveryTimeoutMs, [1, 600_000]);
  integerInRange('deferral.maxAttempts', resolved.maxAttempts, [1, 1000]);
  inRange('deferral.lookEveryMs', resolved.lookEveryMs, [10, 600_000]);
  return new OutboxDeferral<T>(resolved);
}

// --- internal ---

nameErrorClass(OutboxFullError, 'OutboxFullError');

class OutboxDeferral<T> implements Deferral<T> {
  readonly #options: DeferralOptions<T> & typeof deferralDefaults;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: DeferralOptions<T> & typeof deferralDefaults) {
    this.#options = options;
    this.#wait(options.lookEveryMs * (0.8 + 0.4 * options.random()));
  }

  async defer(item: T): Promise<void> {
    if (await this.#options.outbox.add(item)) return;
    throw new OutboxFullError('the outbox is full; nothing was accepted'); // (1)
  }

  count(): Promise<number> {
    return this.#options.outbox.count();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel(); // (4)
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimer(() => void this.#turn(), ms);
    this.#timer.unref();
  }

  async #turn(): Promise<void> {
    const { clock, maxPerSecond, lookEveryMs, random } = this.#options;
    const startedAt = clock.now();
    const hasDelivered = await this.#deliverNext();
    if (hasDelivered) this.#wait(Math.max(0, startedAt + 1000 / maxPerSecond - clock.now())); // (2)
    else this.#wait(lookEveryMs * (0.8 + 0.4 * random()));
  }

  /** Delivers one item. Returns whether there may be more to deliver at once. */
  async #deliverNext(): Promise<boolean> {
    const { outbox, isDeferred } = this.#options;
    try {
      if (isDeferred()) return false; // (2)
      const entry = await outbox.peek();
      if (entry === undefined || this.#isClosed) return false;
      return await this.#deliver(entry);
    } catch (error) {
      reportHookError('outbox', error);
      return false;
    }
  }

  async #deliver(entry: OutboxEntry<T>): Promise<boolean> {
    const { outbox, deliver, clock, deliveryTimeoutMs, maxAttempts, onDead } = this.#options;
    using context = Contexts.withClock(clock).withTimeout(deliveryTimeoutMs);
    try {
      await settledBy(context, deliver(entry.item, context));
    } catch (error) {
      if (entry.failedCount + 1 < maxAttempts) {
        await outbox.postpone(entry.id);
        return false; // the others fare no better now: look again later
      }
      await onDead(entry.item, error); // (1)
    }
    await outbox.remove(entry.id);
    return true;
  }
}

/** Settles as `result` does, or with the cause of `context` when that ends first. */
function settledBy(context: Context, result: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = context.onCancel(reject);
    Promise.resolve(result)
      .then(resolve, reject)
      .finally(() => void stop());
  });
}
