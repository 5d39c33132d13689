/**
 * Drain: takes work out of an outbox when the feature is back, and delivers it.
 *
 *   look ─┬─ still deferred, or nothing to take ─────────────────────────► look again later
 *         └─ take ─► deliver ─┬─ done ─► settle ─────────────────────────► the next one, at the rate
 *                             ├─ failed ─► postpone ─────────────────────► after a pause that doubles
 *                             └─ failed too often, or never ended ─► bury ► the next one
 *         settle, postpone and bury are asked for again until the outbox has heard
 *
 * Invariants
 *  (1) While `isDeferred()` says so nothing is delivered. After it deliveries start at most `maxPerSecond` a second, and this
 *      process has one at a time.
 *  (2) What was delivered is not delivered again by this process because the outbox did not answer: it is asked to settle
 *      first. Another process may, when the lease has run out.
 *  (3) What fails is tried again after pauses that double, up to `maxPauseMs`; after `maxAttempts` it is dead, and kept.
 *  (4) A delivery that takes longer than `deliveryTimeoutMs` has failed, and its context has ended.
 *  (5) After close() nothing new starts and no timer is left; what waits stays in the outbox.
 *
 * @module
 */

import { type Clock, Context, type Events, type Random, type Timer, reportHookError } from '@holdfast/core';

import { tellDead, tellDelivered, tellFailed } from './deferral-events.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';
import { settledBy } from './settled-by.ts';

/** What a delivery is told besides its item. */
export interface Delivery {
  /** Stays the same however often the item is delivered: hand it on as the idempotency key. */
  readonly key: string;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
}

/** What a drain needs: checked options of a deferral. */
export interface DrainParts<T> {
  readonly name: string;
  readonly outbox: Outbox<T>;
  readonly deliver: (item: T, context: Context, delivery: Delivery) => unknown;
  readonly isDeferred: () => boolean;
  readonly onDead?: (item: T, error: unknown) => unknown;
  readonly maxPerSecond: number;
  readonly deliveryTimeoutMs: number;
  readonly leaseMarginMs: number;
  readonly maxAttempts: number;
  readonly lookEveryMs: number;
  readonly maxPauseMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
}

/** Delivers what waits in an outbox, from its creation until it is closed. */
export class Drain<T> {
  readonly #parts: DrainParts<T>;
  #timer: Timer | undefined;
  #turn: Promise<void> | undefined;
  #isClosed = false;
  /** What the outbox has yet to hear of an item that was taken. */
  #unsaid: (() => Promise<void>) | undefined;
  #failuresInRow = 0;
  #isOutboxAway = false;

  constructor(parts: DrainParts<T>) {
    this.#parts = parts;
    this.#wait(this.#lookMs());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel(); // (5)
    this.#timer = undefined;
    await this.#turn;
    await this.#say().catch(() => {}); // what it does not hear now, it learns when the lease has run out
  }

  #wait(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = this.#parts.clock.setTimer(() => {
      this.#turn = this.#run().then((nextMs) => this.#wait(nextMs));
    }, ms);
    this.#timer.unref();
  }

  /** Makes one turn. Resolves with the time until the next one. Never rejects. */
  async #run(): Promise<number> {
    try {
      await this.#say(); // (2)
      const nextMs = this.#isDeferred() ? this.#lookMs() : await this.#deliverNext();
      this.#isOutboxAway = false;
      return nextMs;
    } catch (error) {
      if (!this.#isOutboxAway) reportHookError('outbox', error, this.#parts.name); // once: it may be away for long
      this.#isOutboxAway = true;
      return this.#lookMs();
    }
  }

  async #deliverNext(): Promise<number> {
    const { outbox, clock, maxPerSecond, deliveryTimeoutMs, leaseMarginMs, maxAttempts } = this.#parts;
    const takenAt = clock.now();
    const gapMs = 1000 / maxPerSecond;
    const { entry, waitMs } = await outbox.take({ leaseMs: deliveryTimeoutMs + leaseMarginMs, gapMs }); // (1)
    if (entry === undefined) return Math.min(waitMs, this.#lookMs());
    if (this.#isClosed) await this.#tell(() => outbox.postpone(entry, 0)); // (5)
    else if (entry.attempt > maxAttempts) await this.#bury(entry, new Error(`${maxAttempts} attempts came to no end`));
    else if (!(await this.#deliver(entry))) return this.#lookMs();
    return Math.max(0, takenAt + gapMs - clock.now());
  }

  /** Resolves with whether the item was delivered. */
  async #deliver(entry: OutboxEntry<T>): Promise<boolean> {
    const { outbox, deliver, clock, deliveryTimeoutMs, maxAttempts } = this.#parts;
    const { key, attempt } = entry;
    using context = Context.withClock(clock).withTimeout(deliveryTimeoutMs);
    try {
      await settledBy(context, deliver(entry.item, context, { key, attempt })); // (4)
    } catch (error) {
      await (attempt < maxAttempts ? this.#postpone(entry, error) : this.#bury(entry, error)); // (3)
      return false;
    }
    this.#failuresInRow = 0;
    tellDelivered(this.#parts, { key, attempt });
    await this.#tell(() => outbox.settle(entry));
    return true;
  }

  async #postpone(entry: OutboxEntry<T>, error: unknown): Promise<void> {
    const { outbox, lookEveryMs, maxPauseMs } = this.#parts;
    const pauseMs = Math.min(maxPauseMs, lookEveryMs * 2 ** Math.min(this.#failuresInRow++, 30));
    tellFailed(this.#parts, { key: entry.key, attempt: entry.attempt, error, pauseMs });
    await this.#tell(() => outbox.postpone(entry, pauseMs));
  }

  async #bury(entry: OutboxEntry<T>, error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error);
    await this.#tell(async () => {
      await this.#parts.outbox.bury(entry, why);
      await this.#tellDead(entry, error);
    });
  }

  async #tellDead({ key, attempt, item }: OutboxEntry<T>, error: unknown): Promise<void> {
    tellDead(this.#parts, { key, attempt, error });
    try {
      await this.#parts.onDead?.(item, error);
    } catch (hookError) {
      reportHookError('onDead', hookError, this.#parts.name);
    }
  }

  /** Tells the outbox what came of an item: now, or at the next turn, where it does not answer. */
  async #tell(say: () => Promise<void>): Promise<void> {
    this.#unsaid = say;
    await this.#say();
  }

  async #say(): Promise<void> {
    await this.#unsaid?.();
    this.#unsaid = undefined;
  }

  #isDeferred(): boolean {
    const { isDeferred, name } = this.#parts;
    try {
      const answer: unknown = isDeferred();
      if (typeof answer === 'boolean') return answer;
      throw new TypeError(`isDeferred must return true or false, got ${typeof answer}`);
    } catch (error) {
      reportHookError('isDeferred', error, name);
      return true;
    }
  }

  #lookMs(): number {
    const { lookEveryMs, random } = this.#parts;
    return lookEveryMs * (0.8 + 0.4 * random());
  }
}
