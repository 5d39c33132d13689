/**
 * Outbox: where work waits that was accepted and is to be done later, for one process or for a fleet that shares it.
 *
 *   add ─► waiting ── take ─► taken ── settle ───► gone; its key is remembered for a while
 *             ▲                 ├───── postpone ─► waiting again, behind the others
 *             │                 ├───── bury ─────► dead, until somebody revives or discards it
 *             └── lease is over ┘
 *
 * An outbox in memory is {@link memoryOutbox}. What all outboxes must do is in `testing/outbox-conformance.ts`.
 *
 * @module
 */

/** One item, taken to be delivered. */
export interface OutboxEntry<T> {
  /** Stays the same however often the item is delivered: what to hand on as its idempotency key. */
  readonly key: string;
  readonly item: T;
  /** Number of this attempt, from 1. Attempts that came to no end, because their process died, count. */
  readonly attempt: number;
  /** How many of the attempts right before this one came to no end: since the item came, was revived or was postponed. From 0. */
  readonly unendedCount: number;
  /** Time since the item came, or was revived. Milliseconds, from 0. */
  readonly ageMs: number;
  /** Names this taking of the item, for the outbox alone. */
  readonly receipt: string;
}

/** What came of an attempt to take an item. */
export interface Taken<T> {
  /** Undefined where there is nothing to take now. */
  readonly entry: OutboxEntry<T> | undefined;
  /** Time after which there may be something. Milliseconds; 0 with an entry, Infinity where nothing waits or it is not known. */
  readonly waitMs: number;
}

/** On what terms an item is taken. */
export interface TakeTerms {
  /** Time for which nobody else is given the item. Milliseconds, 1 to 86 400 000. */
  readonly leaseMs: number;
  /** Time that must pass before the next item is taken, by anybody. Milliseconds, 0 to 86 400 000. */
  readonly gapMs: number;
}

/** What is in an outbox. */
export interface OutboxCounts {
  /** Items that wait for their turn. */
  readonly waiting: number;
  /** Items that somebody has taken and not settled. */
  readonly taken: number;
  /** Items that could not be delivered, and wait for a person. */
  readonly dead: number;
}

/** An item that could not be delivered. */
export interface DeadItem<T> {
  readonly key: string;
  readonly item: T;
  /** Attempts that were made. */
  readonly attempt: number;
  /** What the last one came to. */
  readonly why: string;
}

/**
 * Where deferred work waits. Every outbox keeps these promises:
 * at most so many items are kept, the dead included, and one more is refused;
 * an item leaves only when it is settled, or discarded from the dead;
 * items are handed out in the order in which they came, each to one taker while its lease lasts;
 * an item whose key is kept, or was settled lately, is not kept twice.
 */
export interface Outbox<T> {
  /** Keeps `item`: resolves when it is safe there. `known`: an item with that key is kept, or was delivered lately. */
  add(key: string, item: T): Promise<'kept' | 'known' | 'full'>;
  /** Hands out the oldest item that waits, or whose taker let its lease run out. */
  take(terms: TakeTerms): Promise<Taken<T>>;
  /** Lets an item go: it was delivered. Also where its lease is over, and wherever it is; never what was added since by its key. */
  settle(entry: OutboxEntry<T>): Promise<void>;
  /** Puts an item behind the others, and hands out none for `pauseMs`, 0 to 86 400 000. Does nothing where its lease went to another. */
  postpone(entry: OutboxEntry<T>, pauseMs: number): Promise<void>;
  /** Puts an item with the dead. Does nothing where its lease went to another. */
  bury(entry: OutboxEntry<T>, why: string): Promise<void>;
  count(): Promise<OutboxCounts>;
  /**
   * Time since the first in line came, or was revived: the oldest, but where items were postponed. Milliseconds; undefined
   * where nothing waits or is taken. An outbox need not know it.
   */
  firstAgeMs?(): Promise<number | undefined>;
  /** Returns the dead, those who have been so for longest first; at most `maxCount`, 1 to 1000. */
  dead(maxCount: number): Promise<readonly DeadItem<T>[]>;
  /** Lets a dead item wait again, behind the others, with no attempt made. Resolves with whether there was one. */
  revive(key: string): Promise<boolean>;
  /** Lets a dead item go for good. Resolves with whether there was one. */
  discard(key: string): Promise<boolean>;
}
