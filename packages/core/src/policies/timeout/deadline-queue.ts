/**
 * Deadline queue: the deadlines of all calls under one timeout, with one timer.
 *
 * All calls get the same time, so their deadlines expire in the order in which they started: joining at the end and
 * leaving from anywhere take constant time, and the timer is always set for the first.
 *
 * Invariants
 *  (1) At most one timer is set, whatever the number of calls.
 *  (2) While no call waits, the timer does not keep the process alive, and when it fires it is not set again.
 *  (3) A member that left is not retained.
 *
 * @module
 */

import type { Clock, Timer } from '../../kernel/clock.ts';
import { type Link, LinkedList, unlink } from '../../kernel/linked-list.ts';

/** A call that waits for its deadline. */
export interface Expiring extends Link {
  /** Instant of the deadline, in milliseconds. */
  readonly expiresAt: number;
  /** Called at the deadline, after the member has left the queue. Must not throw. */
  expire(now: number): void;
}

/** Members in the order of their deadlines, and the timer for the first of them. */
export class DeadlineQueue {
  private readonly clock: Clock;
  private readonly members = new LinkedList();
  private readonly onTimer = (): void => this.expireDue();
  private timer: Timer | undefined = undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Adds a member. Its deadline must not be earlier than those of the members before it. */
  join(member: Expiring, now: number): void {
    const { members, timer } = this;
    if (members.isEmpty) {
      if (timer === undefined) this.timer = this.clock.setTimer(this.onTimer, member.expiresAt - now);
      else timer.ref();
    }
    members.append(member);
  }

  /** Removes a member, if it is still there. */
  leave(member: Expiring): void {
    if (unlink(member) && this.members.isEmpty) this.timer?.unref(); // (2)
  }

  private expireDue(): void {
    this.timer = undefined;
    const now = this.clock.now();
    let first = this.members.first as Expiring | undefined;
    while (first !== undefined && first.expiresAt <= now) {
      unlink(first);
      first.expire(now);
      first = this.members.first as Expiring | undefined;
    }
    if (first !== undefined && this.timer === undefined) this.timer = this.clock.setTimer(this.onTimer, first.expiresAt - now);
  }
}
