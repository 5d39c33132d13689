/**
 * Outbox takers: names under which this process takes items, each for one item at a time.
 *
 * A name is used again once what was taken under it is settled. So the server can give a taker who asks again, because a reply
 * was lost, the item that he has already.
 *
 *   free ── use() ─► asking ── hold() ─► holding one item ── release() of that item ─► free
 *    ▲                  └── release() without an item: nothing was taken ──┐
 *    └──────────────────────────────────────────────────────────────────────┘
 *
 * Invariants
 *  (1) No two items that are not settled were taken under the same name.
 *  (2) What is said twice of an item frees no name that has another item by then.
 *  (3) There are no more names than items taken at once, and calls under way.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

/** Names to take items under. */
export class OutboxTakers {
  private readonly node: string = randomUUID();
  private readonly free: string[] = [];
  /** Names in use, and the receipt of what was taken under each; undefined while it is asked for. */
  private readonly used = new Map<string, string | undefined>();
  private count = 0;

  /** Returns a name that nobody uses. */
  use(): string {
    const name = this.free.pop() ?? `${this.node}.${++this.count}`; // (1)
    this.used.set(name, undefined);
    return name;
  }

  /** Notes what was taken under a name. */
  hold(name: string, receipt: string): void {
    this.used.set(name, receipt);
  }

  /** Lets a name be used again, if it is in use for that item; undefined where nothing was taken. */
  release(name: string, receipt: string | undefined): void {
    if (!this.used.has(name) || this.used.get(name) !== receipt) return; // (2)
    this.used.delete(name);
    this.free.push(name); // (3)
  }
}
