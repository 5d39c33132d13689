/**
 * Memory outbox: an outbox in this process's memory. What waits in it is lost with the process.
 *
 * Invariants
 *  (1) At most `maxItems` are kept, the dead included; one more is refused, so that whoever sends it can be told.
 *  (2) An item leaves only when it is settled, or discarded from the dead.
 *  (3) Items are handed out in the order in which they came, each to one taker while its lease lasts.
 *  (4) A key that is kept, or was settled within `rememberMs`, is not kept twice.
 *  (5) Of two takings of one item, only the later one can postpone or bury it; either can settle it. Neither touches what was
 *      added since under the same key.
 *
 * @module
 */

import { type Clock, integerInRange, inRange, systemClock, withKnown } from '@holdfast/core';

import type { DeadItem, Outbox, OutboxCounts, OutboxEntry, TakeTerms, Taken } from './outbox.ts';

/** Options of {@link memoryOutbox}. Omitted ones take {@link memoryOutboxDefaults}. */
export interface MemoryOutboxOptions {
  /** Items that are kept at once, the dead included. Integer, 1 to 1 000 000. */
  readonly maxItems: number;
  /**
   * Time for which the key of an item that was settled is known, so that the same is not done again. At most `maxItems` keys
   * are. Milliseconds, 0 to 604 800 000.
   * @defaultValue 600_000
   */
  readonly rememberMs?: number;
  /** Source of time. */
  readonly clock?: Clock;
}

/** Every default of {@link memoryOutbox}, in one place. */
export const memoryOutboxDefaults: { readonly rememberMs: number; readonly clock: Clock } = Object.freeze({
  rememberMs: 600_000,
  clock: systemClock,
});

/**
 * Creates an outbox in this process's memory: for tests, and for work that may be lost with the process. For what must not be
 * lost there is `redisOutbox` of `@holdfast/redis`.
 *
 * @throws ConfigError at creation, when an option is missing or out of range.
 */
export function memoryOutbox<T>(options: MemoryOutboxOptions): Outbox<T> {
  const resolved = withKnown('memoryOutbox', memoryOutboxDefaults, options, ['maxItems']);
  integerInRange('memoryOutbox.maxItems', resolved.maxItems, [1, 1_000_000]);
  inRange('memoryOutbox.rememberMs', resolved.rememberMs, [0, 604_800_000]);
  return new MemoryOutbox<T>(resolved);
}

// --- internal ---

const MAX_MS = 86_400_000;

interface KeptItem<T> {
  readonly item: T;
  /** Tells it from what was kept before, and will be, under the same key. */
  readonly generation: number;
  /** When it came, or was revived. */
  readonly since: number;
}

interface LiveItem<T> extends KeptItem<T> {
  readonly attempt: number;
  /** Takings since it began to wait. */
  readonly takings: number;
  /** Receipt of the last taking; empty while it waits. */
  readonly receipt: string;
  readonly leasedUntil: number;
}

// oxlint-disable require-await -- the port is asynchronous; memory is not
class MemoryOutbox<T> implements Outbox<T> {
  readonly #options: Required<MemoryOutboxOptions>;
  /** In the order in which they are handed out. */
  readonly #live = new Map<string, LiveItem<T>>();
  readonly #dead = new Map<string, KeptItem<T> & DeadItem<T>>();
  /** Keys that were settled, and until when they are known. */
  readonly #settled = new Map<string, number>();
  #generations = 0;
  #takings = 0;
  #nextAt = -Infinity;

  constructor(options: Required<MemoryOutboxOptions>) {
    this.#options = options;
  }

  async add(key: string, item: T): Promise<'kept' | 'known' | 'full'> {
    const isSettled = (this.#settled.get(key) ?? -Infinity) > this.#options.clock.now();
    if (this.#live.has(key) || this.#dead.has(key) || isSettled) return 'known'; // (4)
    if (this.#live.size + this.#dead.size >= this.#options.maxItems) return 'full'; // (1)
    this.#enqueue(key, { item, generation: ++this.#generations, since: this.#options.clock.now() }, 0);
    return 'kept';
  }

  async take({ leaseMs, gapMs }: TakeTerms): Promise<Taken<T>> {
    inRange('outbox.take leaseMs', leaseMs, [1, MAX_MS]);
    inRange('outbox.take gapMs', gapMs, [0, MAX_MS]);
    const now = this.#options.clock.now();
    if (now < this.#nextAt) return { entry: undefined, waitMs: this.#nextAt - now };
    for (const [key, live] of this.#live) {
      if (live.leasedUntil > now) continue; // (3)
      this.#nextAt = now + gapMs;
      return { entry: this.#given(key, live, now + leaseMs), waitMs: 0 };
    }
    return { entry: undefined, waitMs: Infinity };
  }

  async settle({ key, receipt }: OutboxEntry<T>): Promise<void> {
    const kept = this.#live.get(key) ?? this.#dead.get(key);
    if (kept === undefined || !receipt.startsWith(`${kept.generation}.`)) return; // (5)
    this.#live.delete(key); // (2)
    this.#dead.delete(key);
    this.#remember(key);
  }

  async postpone(entry: OutboxEntry<T>, pauseMs: number): Promise<void> {
    inRange('outbox.postpone pauseMs', pauseMs, [0, MAX_MS]);
    const held = this.#heldBy(entry);
    if (held === undefined) return; // (5)
    this.#live.delete(entry.key);
    this.#enqueue(entry.key, held, held.attempt);
    this.#nextAt = Math.max(this.#nextAt, this.#options.clock.now() + pauseMs);
  }

  async bury(entry: OutboxEntry<T>, why: string): Promise<void> {
    const held = this.#heldBy(entry);
    if (held === undefined) return; // (5)
    const { item, attempt, generation, since } = held;
    this.#live.delete(entry.key);
    this.#dead.set(entry.key, { key: entry.key, item, attempt, why, generation, since });
  }

  async count(): Promise<OutboxCounts> {
    const taken = [...this.#live.values()].filter(({ receipt }) => receipt !== '').length;
    return { waiting: this.#live.size - taken, taken, dead: this.#dead.size };
  }

  async firstAgeMs(): Promise<number | undefined> {
    const [first] = this.#live.values();
    return first === undefined ? undefined : Math.max(0, this.#options.clock.now() - first.since);
  }

  async dead(maxCount: number): Promise<readonly DeadItem<T>[]> {
    integerInRange('outbox.dead maxCount', maxCount, [1, 1000]);
    return [...this.#dead.values()]
      .slice(0, maxCount)
      .map(({ key, item, attempt, why }) => ({ key, item, attempt, why }));
  }

  async revive(key: string): Promise<boolean> {
    const found = this.#dead.get(key);
    if (found === undefined) return false;
    this.#dead.delete(key);
    this.#enqueue(key, { item: found.item, generation: ++this.#generations, since: this.#options.clock.now() }, 0);
    return true;
  }

  async discard(key: string): Promise<boolean> {
    return this.#dead.delete(key);
  }

  #enqueue(key: string, { item, generation, since }: KeptItem<T>, attempt: number): void {
    this.#live.set(key, { item, generation, since, attempt, takings: 0, receipt: '', leasedUntil: -Infinity });
  }

  #given(key: string, live: LiveItem<T>, leasedUntil: number): OutboxEntry<T> {
    const { item, generation, since, attempt: attempts, takings: unendedCount } = live;
    const receipt = `${generation}.${++this.#takings}`;
    const attempt = attempts + 1;
    this.#live.set(key, { item, generation, since, attempt, takings: unendedCount + 1, receipt, leasedUntil });
    return { key, item, attempt, unendedCount, ageMs: this.#options.clock.now() - since, receipt };
  }

  #heldBy({ key, receipt }: OutboxEntry<T>): LiveItem<T> | undefined {
    const live = this.#live.get(key);
    return live?.receipt === receipt ? live : undefined;
  }

  #remember(key: string): void {
    const now = this.#options.clock.now();
    this.#settled.delete(key);
    this.#settled.set(key, now + this.#options.rememberMs);
    for (const [known, until] of this.#settled) {
      if (until > now && this.#settled.size <= this.#options.maxItems) break;
      this.#settled.delete(known);
    }
  }
}
