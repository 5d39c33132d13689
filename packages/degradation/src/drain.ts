/**
 * Drain: takes work out of an outbox when the feature is back, and delivers it.
 *
 *   look ─┬─ still deferred, or nothing to take ─────────────────────────► look again later
 *         └─ take ─► deliver ─┬─ done ─► settle ─────────────────────────► the next one, at the rate
 *                             ├─ failed ─► postpone ─────────────────────► after a pause that doubles
 *                             └─ failed too often, or never ended ─► bury ► the next one
 *         settle, postpone and bury are asked for again until the outbox has heard, see (2) and (6)
 *
 * Invariants
 *  (1) While `isDeferred()` says so nothing is delivered. After it deliveries start at most `maxPerSecond` a second, and this
 *      process has one at a time.
 *  (2) What was delivered is not delivered again by this process because the outbox did not answer: it is asked to settle
 *      first. Another process may, when the lease has run out.
 *  (3) What fails is tried again after pauses that double, up to `maxPauseMs`. What fails at its `maxAttempts`th attempt or a
 *      later one is dead, and kept, if it is `minDeadAfterMs` old: an outage alone takes no item's last attempt. So is, at any age,
 *      what came to no end `maxAttempts` times in a row: it may be what kills the processes.
 *  (4) A delivery that takes longer than `deliveryTimeoutMs` has failed, and its context has ended.
 *  (5) After close() nothing new starts and no timer is left; what waits stays in the outbox. It resolves whatever the outbox
 *      and the hooks do.
 *  (6) No call to the outbox is waited for longer than `outboxTimeoutMs`, and no hook at all. An outbox that hands out other
 *      items and has refused to hear of one for its whole lease is asked about that one again when it hands that out again, and
 *      the others go on meanwhile.
 *
 * @module
 */

import {
  type Clock,
  Context,
  type Events,
  type Random,
  type Timer,
  callHook,
  reportHookError,
  askHook,
  messageOf,
} from '@holdfast/core';

import { tellDead, tellDelivered, tellFailed } from './deferral-events.ts';
import type { Outbox, OutboxEntry, Taken } from './outbox.ts';
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
  readonly outboxTimeoutMs: number;
  readonly maxAttempts: number;
  readonly minDeadAfterMs: number;
  readonly lookEveryMs: number;
  readonly maxPauseMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
}

/** What an outbox has yet to hear of an item that was taken. */
interface Unsaid {
  readonly key: string;
  readonly say: () => Promise<void>;
  readonly isDelivered: boolean;
  readonly takenAt: number;
}

/** How many items of which the outbox would not hear are known by their key. */
const MAX_UNHEARD = 1000;

/** Delivers what waits in an outbox, from its creation until it is closed. */
export class Drain<T> {
  readonly #parts: DrainParts<T>;
  #timer: Timer | undefined;
  #turn: Promise<void> | undefined;
  #isClosed = false;
  #closed: Promise<void> | undefined;
  #unsaid: Unsaid | undefined;
  /** Items of which the outbox would not hear while their lease lasted, by key. */
  readonly #unheard = new Map<string, Unsaid>();
  #takenAt = -Infinity;
  #failuresInRow = 0;
  #isOutboxAway = false;

  constructor(parts: DrainParts<T>) {
    this.#parts = parts;
    this.#wait(this.#lookMs());
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel(); // (5)
    this.#timer = undefined;
    await this.#turn;
    await this.#say().catch(() => {}); // (6) what it does not hear now, it learns when the lease has run out
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
      await this.#say(); // (2) (6)
      const nextMs = this.#isClosed || this.#isDeferred() ? this.#lookMs() : await this.#deliverNext();
      this.#isOutboxAway = false;
      return nextMs;
    } catch (error) {
      if (!this.#isOutboxAway) reportHookError('outbox', error, this.#parts.name); // once: it may be away for long
      this.#isOutboxAway = true;
      return this.#lookMs();
    }
  }

  async #deliverNext(): Promise<number> {
    const { outbox, clock, maxPerSecond, maxAttempts } = this.#parts;
    const startedAt = clock.now();
    const gapMs = 1000 / maxPerSecond;
    const { entry, waitMs } = await this.#take(gapMs); // (1)
    if (entry === undefined) return Math.min(waitMs, this.#lookMs());
    if (this.#isClosed) await this.#tell(entry, () => outbox.postpone(entry, 0)); // (5)
    else if (entry.unendedCount >= maxAttempts)
      await this.#bury(entry, new Error(`${maxAttempts} attempts came to no end`));
    else if (this.#wasDelivered(entry)) await this.#settle(entry); // (2)
    else if (!(await this.#deliver(entry))) return this.#lookMs();
    return Math.max(0, startedAt + gapMs - clock.now());
  }

  async #take(gapMs: number): Promise<Taken<T>> {
    const { outbox, clock } = this.#parts;
    const leaseMs = this.#leaseMs();
    const takenAt = clock.now();
    const asked = (async () => outbox.take({ leaseMs, gapMs }))();
    const taken = await this.#inTime(() => asked).catch((error: unknown) => {
      void this.#giveBack(asked);
      throw error;
    });
    this.#takenAt = takenAt;
    if (this.#unsaid !== undefined) this.#setAside(this.#unsaid); // (6) it answers, but not to that
    return taken;
  }

  /** Lets others have at once what comes too late. */
  async #giveBack(asked: Promise<Taken<T>>): Promise<void> {
    try {
      const { entry } = await asked;
      if (entry !== undefined) await this.#parts.outbox.postpone(entry, 0);
    } catch {} // it did not come at all, or is given out again when its lease is over
  }

  /** Resolves with whether the item was delivered. */
  async #deliver(entry: OutboxEntry<T>): Promise<boolean> {
    const { deliver, clock, deliveryTimeoutMs, maxAttempts, minDeadAfterMs } = this.#parts;
    const { key, attempt, ageMs } = entry;
    using context = Context.withClock(clock).withTimeout(deliveryTimeoutMs);
    try {
      await settledBy(context, deliver(entry.item, context, { key, attempt })); // (4)
    } catch (error) {
      const isDead = attempt >= maxAttempts && !(ageMs < minDeadAfterMs); // (3)
      await (isDead ? this.#bury(entry, error) : this.#postpone(entry, error));
      return false;
    }
    this.#failuresInRow = 0;
    tellDelivered(this.#parts, { key, attempt });
    await this.#settle(entry);
    return true;
  }

  /** Whether this is what was delivered and could not be settled: it was there before it was taken then. */
  #wasDelivered({ key, ageMs }: OutboxEntry<T>): boolean {
    const unheard = this.#unheard.get(key);
    return unheard?.isDelivered === true && ageMs >= this.#parts.clock.now() - unheard.takenAt;
  }

  #settle(entry: OutboxEntry<T>): Promise<void> {
    return this.#tell(entry, () => this.#parts.outbox.settle(entry), true);
  }

  async #postpone(entry: OutboxEntry<T>, error: unknown): Promise<void> {
    const { outbox, lookEveryMs, maxPauseMs } = this.#parts;
    const pauseMs = Math.min(maxPauseMs, lookEveryMs * 2 ** Math.min(this.#failuresInRow++, 30));
    tellFailed(this.#parts, { key: entry.key, attempt: entry.attempt, error, pauseMs });
    await this.#tell(entry, () => outbox.postpone(entry, pauseMs));
  }

  async #bury(entry: OutboxEntry<T>, error: unknown): Promise<void> {
    const why = messageOf(error);
    let isBuried = false;
    await this.#tell(entry, async () => {
      await this.#parts.outbox.bury(entry, why);
      if (!isBuried) this.#tellDead(entry, error);
      isBuried = true; // a call that was given up may come to its end after all
    });
  }

  /** Calls `onDead`, and does not wait for it. (6) */
  #tellDead({ key, attempt, item }: OutboxEntry<T>, error: unknown): void {
    const { onDead, name } = this.#parts;
    tellDead(this.#parts, { key, attempt, error });
    callHook('onDead', name, () => onDead?.(item, error));
  }

  /** Tells the outbox what came of an item: now, or at the next turn, where it does not answer. */
  async #tell({ key }: OutboxEntry<T>, say: () => Promise<void>, isDelivered = false): Promise<void> {
    this.#unsaid = { key, say, isDelivered, takenAt: this.#takenAt };
    await this.#say();
  }

  #setAside(unsaid: Unsaid): void {
    this.#unsaid = undefined;
    this.#unheard.delete(unsaid.key);
    this.#unheard.set(unsaid.key, unsaid);
    const [oldest] = this.#unheard.keys();
    if (oldest !== undefined && this.#unheard.size > MAX_UNHEARD) this.#unheard.delete(oldest);
  }

  /** Rejects where the outbox has not heard, and should before anything else is taken. */
  async #say(): Promise<void> {
    const unsaid = this.#unsaid;
    if (unsaid === undefined) return;
    try {
      await this.#inTime(unsaid.say);
      this.#unsaid = undefined;
      this.#unheard.delete(unsaid.key);
    } catch (error) {
      const isHeldUp = !this.#unheard.has(unsaid.key); // once for each, and while nobody else may have it
      if (isHeldUp && this.#parts.clock.now() < unsaid.takenAt + this.#leaseMs()) throw error;
    }
  }

  /** Settles as `call` does, or rejects after `outboxTimeoutMs`. (6) */
  async #inTime<R>(call: () => Promise<R>): Promise<R> {
    const { clock, outboxTimeoutMs } = this.#parts;
    using context = Context.withClock(clock).withTimeout(outboxTimeoutMs);
    return await settledBy(context, call());
  }

  #isDeferred(): boolean {
    const { isDeferred, name } = this.#parts;
    return askHook('isDeferred', name, isDeferred, () => true);
  }

  #leaseMs(): number {
    return this.#parts.deliveryTimeoutMs + this.#parts.leaseMarginMs;
  }

  #lookMs(): number {
    const { lookEveryMs, random } = this.#parts;
    return lookEveryMs * (0.8 + 0.4 * random());
  }
}
