/**
 * Outbox takers: names under which this process takes items, each for one item at a time.
 *
 * A name is used again once what was taken under it is settled. So the server can give a taker who asks again, because a reply
 * was lost, the item that he has already.
 *
 * Invariants
 *  (1) No two items that are not settled were taken under the same name.
 *  (2) There are no more names than items taken at once, and calls that are lost.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

/** Names to take items under. */
export class OutboxTakers {
  private readonly node: string = randomUUID();
  private readonly free: string[] = [];
  private count = 0;

  /** Returns a name that nobody uses. */
  use(): string {
    return this.free.pop() ?? `${this.node}.${++this.count}`; // (1)
  }

  /** Lets a name be used again. */
  release(name: string): void {
    if (name.startsWith(`${this.node}.`) && !this.free.includes(name)) this.free.push(name); // (2)
  }
}
