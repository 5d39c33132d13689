/**
 * Deadline queue: the deadlines of all calls under one timeout, with one timer.
 *
 * All calls get the same time, so their deadlines expire in the order in which they started: joining at the end and
 * leaving from anywhere take constant time, and the timer is always set for the first.
 *
 * Where the clock can tell the end of a turn of the event loop, a member is queued only then: calls that were answered from
 * memory or refused have settled by then, and cost neither a place, nor a timer, nor a look at the clock.
 *
 * Invariants
 *  (1) At most one timer is set, whatever the number of calls.
 *  (2) While no call waits, the timer does not keep the process alive, and when it fires it is not set again.
 *  (3) A member that left is not retained; one that left within its turn, for that turn at most, and at most 64 of them.
 *  (4) Nobody expires before `timeoutMs` has passed since it joined, nor later than that by more than the rest of the turn in
 *      which it joined. Within that turn nothing could have expired: the loop was not free.
 *  (5) Once retired it has a timer only while somebody waits.
 *
 * @module
 */

import { type Clock, type Timer, UNREAD } from '../../kernel/clock.ts';
import { type Link, LinkedList, unlink } from '../../kernel/linked-list.ts';

/** A call that waits for its deadline. */
export interface Expiring extends Link {
  /** Instant of the deadline, in milliseconds; undefined until somebody needs it. */
  expiresAt: number | undefined;
  /** Whether the call needs its deadline no more. */
  readonly settled: boolean;
  /** Called at the deadline, after the member has left the queue. Must not throw. */
  expire(now: number): void;
}

/** Members in the order of their deadlines, and the timer for the first of them. */
export class DeadlineQueue {
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly members = new LinkedList();
  private readonly onTimer = (): void => this.expireDue();
  private readonly onTurnEnd = (): void => this.endTurn();
  private timer: Timer | undefined = undefined;
  /** Whether members are queued at the end of their turn. */
  private readonly defers: boolean;
  private hasDeferred = false;
  private turn: Turn = new Turn(undefined, 1);
  private retired = false;

  constructor(clock: Clock, timeoutMs: number) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.defers = clock.defer !== undefined;
  }

  /** Adds a member, at the instant `now` if somebody has read it. */
  join(member: Expiring, now: number): void {
    if (now !== UNREAD) member.expiresAt = now + this.timeoutMs;
    if (this.defers) {
      const { turn } = this;
      member.next = turn.latest;
      turn.latest = member;
      if (--turn.room === 0) this.makeRoom();
    } else {
      this.deadlineOf(member);
      this.append(member);
    }
  }

  /** The deadline of a member, fixed now if it was not before. Milliseconds. */
  deadlineOf(member: Expiring): number {
    member.expiresAt ??= this.clock.now() + this.timeoutMs;
    return member.expiresAt;
  }

  /** Removes a member that has settled. One of the current turn is dropped at its end, the latest of them at once. */
  leave(member: Expiring): void {
    const { turn } = this;
    if (member === turn.latest) {
      turn.latest = member.next as Expiring | undefined;
      member.next = undefined;
    } else if (member.previous !== undefined) {
      unlink(member);
      if (this.members.isEmpty) this.rest();
    }
  }

  /** Nobody joins any more: the timer goes with the last member. */
  retire(): void {
    this.retired = true;
    if (this.members.isEmpty) this.rest();
  }

  private rest(): void {
    if (!this.retired) {
      this.timer?.unref(); // (2)
      return;
    }
    this.timer?.cancel(); // (5)
    this.timer = undefined;
  }

  /** Sees to the end of a turn that has begun; in a long one, queues what has not settled yet. */
  private makeRoom(): void {
    if (this.hasDeferred) this.queueFresh(); // (3)
    else {
      this.hasDeferred = true;
      this.clock.defer?.(this.onTurnEnd);
    }
    this.turn = new Turn(this.turn.latest, MAX_FRESH);
  }

  private endTurn(): void {
    this.hasDeferred = false;
    this.queueFresh();
    this.turn = new Turn(undefined, 1);
  }

  /** Queues what has not settled yet of the current turn's members, in the order in which they came. */
  private queueFresh(): void {
    let oldest: Expiring | undefined;
    let latest = Infinity;
    for (let member = this.turn.latest; member !== undefined;) {
      const older = member.next as Expiring | undefined;
      member.next = undefined;
      if (!member.settled) {
        latest = Math.min(latest, this.deadlineOf(member)); // one that came earlier expires no later
        member.expiresAt = latest;
        member.next = oldest;
        oldest = member;
      }
      member = older;
    }
    this.turn.latest = undefined;
    for (let member = oldest; member !== undefined;) {
      const younger = member.next as Expiring | undefined;
      this.append(member);
      member = younger;
    }
  }

  private append(member: Expiring): void {
    const { members, timer, clock } = this;
    if (members.isEmpty) {
      if (timer === undefined) this.timer = clock.setTimer(this.onTimer, this.deadlineOf(member) - clock.now());
      else timer.ref();
    }
    members.append(member);
  }

  private expireDue(): void {
    this.timer = undefined;
    this.queueFresh();
    const now = this.clock.now();
    let first = this.members.first as Expiring | undefined;
    while (first !== undefined && this.deadlineOf(first) <= now) {
      unlink(first);
      first.expire(now);
      first = this.members.first as Expiring | undefined;
    }
    if (first !== undefined && this.timer === undefined)
      this.timer = this.clock.setTimer(this.onTimer, this.deadlineOf(first) - now);
  }
}

// --- internal ---

/**
 * Members of one turn of the event loop, or of a part of a long one. It is an object of its own, and soon replaced, since it
 * is written to by every call: what refers from old memory to new objects is dear, and the queue is old.
 */
class Turn {
  /** The one that came last; the others are linked by `next`. Most settle before they must be queued. */
  latest: Expiring | undefined;
  /** How many may join before somebody must look. */
  room: number;

  constructor(latest: Expiring | undefined, room: number) {
    this.latest = latest;
    this.room = room;
  }
}

/** How many join in one turn before those that have settled are dropped. */
const MAX_FRESH = 64;
