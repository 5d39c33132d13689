/**
 * Cancel scope: the part of a context that can end. Contexts share one scope until one of them is given a deadline or a
 * cancel of its own.
 *
 * A scope costs nothing until somebody watches it: it hangs on its parent, and arms its timer, only while it has
 * watchers. An unwatched scope finds out that it ended when it is asked.
 *
 *   live ── end(cause) | parent ended | deadline passed ──► ended
 *     └──── release() ────────────────────────────────────► live, telling only those that are waited for
 *
 * Invariants
 *  (1) The first cause wins and is kept by identity; it never changes again.
 *  (2) Cancellation goes down, never up.
 *  (3) A scope's deadline is never later than its parent's.
 *  (4) Every watcher is told exactly once, in the order in which they came, unless it left; after a release only those
 *      that are waited for, and those that came later.
 *  (5) A scope without watchers is in no list and holds no timer.
 *  (6) A timer keeps the process alive only while one of those it will tell is waited for.
 *
 * @module
 */

import { DeadlineExceededError } from './cancellation.ts';
import type { Clock, Timer } from './clock.ts';
import { type Link, LinkedList, unlink } from './linked-list.ts';
import { SignalWatcher } from './signal-watcher.ts';

/** Something that wants to be told when a scope ends. It is a link, so watching allocates nothing. */
export interface Watcher extends Link {
  /** The instant by which this watcher will have left by itself; Infinity where it may stay. Saves the scope a timer. */
  readonly leavesAt: number;
  /** Whether somebody waits for this watcher to be told, so that the scope's timer must keep the process alive. */
  readonly isWaitedFor: boolean;
  /** Called once, when the scope has ended. Must not throw. */
  onEnd(cause: unknown): void;
}

/** Watches the time for a scope, in place of a timer of the scope's own, and calls `expire` at its deadline. */
export interface Timekeeper {
  /** Makes the cause with which the scope ends at its deadline. */
  expiryCause(): unknown;
}

/** A node in the tree of things that can end. Its fields are plain for speed; only this file touches the private ones. */
export class CancelScope implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;

  readonly clock: Clock;
  /** Instant at which this scope ends by itself, on `clock`; Infinity when it has none. */
  readonly deadline: number;
  /** Whether nothing can ever end this scope. */
  readonly isEndless: boolean = false;

  private readonly parent: CancelScope | undefined;
  private readonly timekeeper: Timekeeper | undefined;
  private hasEnded = false;
  /** Whether the work that the scope was for is over; its timekeeper is through. */
  private isReleased = false;
  private isAttached = false;
  private endCause: unknown = undefined;
  private hasPassedDeadline = false;
  private endedAt: number | undefined = undefined;
  /** The only watcher, as most often; further ones are in the list. */
  private watcher: Watcher | undefined = undefined;
  private watchers: LinkedList | undefined = undefined;
  private waitedForCount = 0;
  private timer: Timer | undefined = undefined;
  private controller: AbortController | undefined = undefined;

  /** `deadline` is an instant on `clock`; Infinity for none. */
  constructor(parent: CancelScope | undefined, clock: Clock, deadline: number, timekeeper?: Timekeeper) {
    this.parent = parent === undefined || parent.isEndless ? undefined : parent;
    this.clock = clock;
    this.deadline = this.parent === undefined ? deadline : inheritDeadline(clock, deadline, this.parent); // (3)
    this.timekeeper = timekeeper;
  }

  /** An instant on the parent's clock: unknown where that is another than ours. */
  get leavesAt(): number {
    return this.parent === undefined || this.parent.clock === this.clock ? this.deadline : Infinity;
  }

  get isWaitedFor(): boolean {
    return this.waitedForCount > 0;
  }

  /** Why the scope ended; undefined while it is live. */
  get cause(): unknown {
    if (!this.hasEnded) this.findOut();
    return this.endCause;
  }

  /** Whether it was a deadline that ended the scope, its own or one above. */
  get endedByDeadline(): boolean {
    return this.ended && this.hasPassedDeadline;
  }

  /** Whether the scope has ended. */
  get ended(): boolean {
    if (!this.hasEnded) this.findOut();
    return this.hasEnded;
  }

  /** A native signal that aborts with this scope. Made when first asked for. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      const controller = new AbortController();
      this.controller = controller;
      if (this.ended) controller.abort(this.endCause);
      else if (!this.isReleased && !this.watch(new SignalWatcher(controller))) controller.abort(this.endCause);
    }
    return this.controller.signal;
  }

  /** Ends the scope. Later calls change nothing. */
  end(cause: unknown): void {
    if (!this.ended) this.endAt(cause, this.clock.now(), false); // an earlier deadline or parent's end comes first
  }

  /** Ends the scope because its deadline has come, unless something else ended it before. */
  expire(): void {
    if (this.hasEnded) return;
    const { parent } = this;
    if (parent !== undefined && parent.deadline === this.deadline && parent.clock === this.clock) {
      parent.expire();
      if (parent.hasPassedDeadline) this.endAt(parent.endCause, this.deadline, true); // it was the parent's deadline
    }
    if (!this.hasEnded) this.endAt(this.timekeeper?.expiryCause() ?? this.deadlineCause(), this.deadline, true);
  }

  /**
   * The work that the scope was for is over: lets go of those who only listen, so that a signal that was handed out retains
   * nothing, and keeps the time by itself for what is still waited for. Asked, the scope tells the truth as before.
   */
  release(): void {
    if (this.hasEnded) return;
    this.isReleased = true;
    for (const watcher of this.watcherList()) {
      if (!watcher.isWaitedFor) this.unwatch(watcher);
      else if (watcher.leavesAt > this.deadline) this.armTimer();
    }
  }

  /** Whether the scope has ended by `now`, an instant of its clock that somebody has just read. */
  hasEndedBy(now: number): boolean {
    if (!this.isKnownToHaveEnded() && now >= this.deadline) this.expire();
    return this.hasEnded;
  }

  /** Whether the scope is known to have ended, without a look at the clock. */
  isKnownToHaveEnded(): boolean {
    return this.hasEnded || this.followUp();
  }

  /**
   * Adds a watcher. Returns false, and does not add it, when the scope is known to have ended. It does not look at the
   * clock: ask `ended` before, where a deadline that has just passed must be told at once and not by the timer.
   */
  watch(watcher: Watcher): boolean {
    if (this.isKnownToHaveEnded()) return false;
    if (!this.isAttached) {
      this.attach();
      if (this.hasEnded) return false; // it turned out while we attached
    }
    if (this.watcher === undefined && this.watchers === undefined) this.watcher = watcher;
    else (this.watchers ??= new LinkedList()).append(watcher);
    if (watcher.isWaitedFor) this.countWaiting(1);
    if (watcher.leavesAt > this.deadline) this.armTimer();
    return true;
  }

  /** Removes a watcher. Returns whether it was there, that is, whether it will not be told any more. */
  unwatch(watcher: Watcher): boolean {
    if (this.watcher === watcher) this.watcher = undefined;
    else if (!unlink(watcher)) return false;
    if (watcher.isWaitedFor) this.countWaiting(-1);
    if (this.watchers?.isEmpty === true) this.watchers = undefined;
    if (this.watcher === undefined && this.watchers === undefined) this.detach(); // (5)
    return true;
  }

  onEnd(_cause: unknown): void {
    this.findOut();
  }

  /** Settles whether the scope has ended meanwhile, by what it follows or by its deadline; the earlier wins. */
  protected findOut(): void {
    if (this.parent !== undefined && !this.parent.hasEnded) this.parent.findOut();
    if (!this.followUp() && this.deadline !== Infinity && this.clock.now() >= this.deadline) this.expire();
  }

  /**
   * Ends the scope if what it follows is known to have ended, without a look at the clock. Returns whether it has ended. At
   * the instant of its deadline a deadline has passed: a cancel above at that instant comes too late.
   */
  protected followUp(): boolean {
    const { parent } = this;
    if (parent !== undefined && (parent.hasEnded || parent.followUp())) {
      const endedAt = this.translate(parent);
      const isFirst = endedAt < this.deadline || (endedAt === this.deadline && parent.hasPassedDeadline);
      if (isFirst) this.endAt(parent.endCause, endedAt, parent.hasPassedDeadline);
      else this.expire();
    }
    return this.hasEnded;
  }

  /** Makes the cause with which the scope ends at its own deadline. */
  protected deadlineCause(): unknown {
    return new DeadlineExceededError();
  }

  protected endAt(cause: unknown, endedAt: number, isDeadline: boolean): void {
    if (this.hasEnded) return; // (1)
    this.hasEnded = true;
    this.hasPassedDeadline = isDeadline;
    this.endCause = cause;
    this.endedAt = endedAt;
    if (this.isReleased) this.controller?.abort(cause); // nobody watches for it any more
    if (!this.isAttached) return;
    this.detach();
    const { watcher: first, watchers } = this;
    this.watcher = undefined;
    first?.onEnd(cause); // (4)
    for (let next = watchers?.shift(); next !== undefined; next = watchers?.shift()) (next as Watcher).onEnd(cause);
  }

  /** Starts to follow what may end this scope. */
  protected attach(): void {
    this.isAttached = true;
    if (this.parent?.watch(this) === false) this.followUp();
  }

  /** Stops following it. */
  protected detach(): void {
    this.isAttached = false;
    this.parent?.unwatch(this);
    this.waitedForCount = 0;
    this.timer?.cancel();
    this.timer = undefined;
  }

  // --- internal ---

  private watcherList(): Watcher[] {
    const list: Watcher[] = this.watcher === undefined ? [] : [this.watcher];
    for (let link = this.watchers?.first; link !== undefined && link !== this.watchers; link = link.next)
      list.push(link as Watcher);
    return list;
  }

  /** The instant at which `parent` ended, on this scope's clock; now, where it was on another. */
  private translate(parent: CancelScope): number {
    return parent.clock === this.clock ? (parent.endedAt as number) : Math.min(this.clock.now(), this.deadline);
  }

  /** Counts watchers that are waited for, here and above. */
  private countWaiting(change: 1 | -1): void {
    const before = this.isWaitedFor;
    this.waitedForCount += change;
    if (before === this.isWaitedFor) return;
    if (before) this.timer?.unref();
    else this.timer?.ref();
    if (this.isAttached) this.parent?.countWaiting(change);
  }

  private armTimer(): void {
    if (this.deadline === Infinity || this.timer !== undefined) return;
    if (this.timekeeper !== undefined && !this.isReleased) return;
    if (this.parent !== undefined && this.parent.deadline === this.deadline && this.parent.clock === this.clock) {
      this.parent.armTimer(); // the parent ends at the same instant and tells us
      return;
    }
    this.timer = this.clock.setTimer(() => this.expire(), this.deadline - this.clock.now());
    if (!this.isWaitedFor) this.timer.unref(); // (6)
  }
}

// --- internal ---

/** The earlier of `deadline` and the parent's, on `clock`; the parent may be on another clock. */
function inheritDeadline(clock: Clock, deadline: number, parent: CancelScope): number {
  if (parent.deadline === Infinity) return deadline;
  const inherited = parent.clock === clock ? parent.deadline : clock.now() + parent.deadline - parent.clock.now();
  return Math.min(deadline, inherited);
}
