/**
 * Outbox: work that was accepted and is to be done later, in the mode that defers it.
 *
 * Invariants
 *  (1) At most `maxItems` wait; one more is refused, so that whoever sends it can be told.
 *  (2) An item leaves only when it was delivered, or was handed to whoever takes the dead.
 *  (3) Items are handed out in the order in which they came.
 *
 * @module
 */

import { ConfigError, integerInRange } from '@holdfast/core';

/** An item that waits. */
export interface OutboxEntry<T> {
  readonly id: string;
  readonly item: T;
  /** Deliveries that failed. */
  readonly failedCount: number;
}

/** Where deferred work waits. Beyond this process it is a queue or a stream; then `add` resolves when it is safe there. */
export interface Outbox<T> {
  /** Keeps `item`. Resolves with whether it was kept: false when there is no room. */
  add(item: T): Promise<boolean>;
  /** Returns the oldest item that waits, and leaves it there; undefined when none does. */
  peek(): Promise<OutboxEntry<T> | undefined>;
  /** Notes that a delivery failed, and puts the item behind the others. */
  postpone(id: string): Promise<void>;
  /** Lets an item go: it was delivered, or is taken care of elsewhere. */
  remove(id: string): Promise<void>;
  /** Items that wait. */
  count(): Promise<number>;
}

/**
 * Creates an outbox in this process's memory. What waits in it is lost with the process: for what must not be, use one that
 * survives.
 *
 * @throws ConfigError at creation, when `maxItems` is no integer from 1 to 1 000 000.
 */
export function memoryOutbox<T>(options: { readonly maxItems: number }): Outbox<T> {
  if (typeof options !== 'object' || options === null) throw new ConfigError('memoryOutbox', 'an object', options);
  integerInRange('memoryOutbox.maxItems', options.maxItems, [1, 1_000_000]);
  return new MemoryOutbox<T>(options.maxItems);
}

// --- internal ---

class MemoryOutbox<T> implements Outbox<T> {
  readonly #maxItems: number;
  readonly #entries = new Map<string, OutboxEntry<T>>();
  #lastId = 0;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous; memory is not
  async add(item: T): Promise<boolean> {
    if (this.#entries.size >= this.#maxItems) return false; // (1)
    const id = String(++this.#lastId);
    this.#entries.set(id, { id, item, failedCount: 0 });
    return true;
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous; memory is not
  async peek(): Promise<OutboxEntry<T> | undefined> {
    const [first] = this.#entries.values(); // (3)
    return first;
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous; memory is not
  async postpone(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#entries.set(id, { ...entry, failedCount: entry.failedCount + 1 });
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous; memory is not
  async remove(id: string): Promise<void> {
    this.#entries.delete(id); // (2)
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous; memory is not
  async count(): Promise<number> {
    return this.#entries.size;
  }
}
