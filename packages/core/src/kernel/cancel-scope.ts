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
 *  (7) A chain of scopes may have any length: it is gone along in loops, and by calls only for its nearest part.
 *
 * @module
 */

import { DeadlineExceededError } from './cancellation.ts';
import { type Clock, earlierOn, type Timer } from './clock.ts';
import { ScopeWatchers } from './scope-watchers.ts';
import { SignalWatcher } from './signal-watcher.ts';
import { NEAR_DEPTH, topDown } from './top-down.ts';
import type { Timekeeper, Watcher } from './watcher.ts';

/** A node in the tree of things that can end. Its fields are plain for speed; only this file touches the private ones. */
export class CancelScope extends ScopeWatchers {
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
  private hasPassedDeadline = false;
  private endedAt: number | undefined = undefined;
  private timer: Timer | undefined = undefined;
  private controller: AbortController | undefined = undefined;

  /** `deadline` is an instant on `clock`; Infinity for none. */
  constructor(parent: CancelScope | undefined, clock: Clock, deadline: number, timekeeper?: Timekeeper) {
    super();
    this.parent = parent === undefined || parent.isEndless ? undefined : parent;
    this.clock = clock;
    this.deadline = this.parent === undefined ? deadline : earlierOn(clock, deadline, this.parent); // (3)
    this.timekeeper = timekeeper;
  }

  /** An instant on the parent's clock: unknown where that is another than ours. */
  get leavesAt(): number {
    return this.parent === undefined || this.parent.clock === this.clock ? this.deadline : Infinity;
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
    for (const scope of topDown<CancelScope>(this, (each) => each.parentOfSameDeadline)) scope.expireAlone(); // (7)
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
    if (!this.isAttached) this.attachFromTop(0);
    return this.join(watcher);
  }

  /** Removes a watcher. Returns whether it was there, that is, whether it will not be told any more. */
  unwatch(watcher: Watcher): boolean {
    const wasThere = this.remove(watcher);
    if (wasThere && this.isUnwatched) this.leave(); // (5)
    return wasThere;
  }

  onEnd(_cause: unknown): void {
    this.findOut();
  }

  /** Settles whether the scope has ended meanwhile, by what it follows or by its deadline; the earlier wins. */
  protected findOut(): void {
    this.settleAbove(true, 0);
    this.settleAlone(true);
  }

  /** Ends the scope if what it follows is known to have ended, without a look at the clock. Returns whether it has ended. */
  protected followUp(): boolean {
    this.settleAbove(false, 0);
    return this.followAlone();
  }

  /**
   * As {@link followUp}, where those above are settled. At the instant of its deadline a deadline has passed: a cancel above at
   * that instant comes too late.
   */
  protected followAlone(): boolean {
    const { parent } = this;
    if (parent?.hasEnded === true && !this.hasEnded) {
      const isOnOurs = parent.clock === this.clock;
      const endedAt = isOnOurs ? (parent.endedAt as number) : Math.min(this.clock.now(), this.deadline);
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
    this.storedCause = cause;
    this.endedAt = endedAt;
    if (this.isReleased) this.controller?.abort(this.endCause); // nobody watches for it any more
    if (!this.isAttached) return;
    this.leave();
    this.tellWatchers(); // (4)
  }

  /** Starts to follow what may end this scope. */
  protected attach(): void {
    this.isAttached = true;
    if (this.parent?.join(this) === false) this.followAlone();
  }

  /** Stops following it. */
  protected detach(): void {
    this.isAttached = false;
    this.parent?.remove(this);
    this.waitedForCount = 0;
    this.timer?.cancel();
    this.timer = undefined;
  }

  // --- internal ---

  private get parentOfSameDeadline(): CancelScope | undefined {
    const { parent } = this;
    return parent?.deadline === this.deadline && parent.clock === this.clock ? parent : undefined;
  }

  /** Settles those above, from the top, also by their deadlines where `byTime`. */
  private settleAbove(byTime: boolean, depth: number): void {
    const { parent } = this;
    if (parent === undefined || parent.hasEnded) return;
    if (depth < NEAR_DEPTH) {
      if (parent.parent !== undefined) parent.settleAbove(byTime, depth + 1);
      parent.settleAlone(byTime);
      return;
    }
    for (const scope of topDown(parent, ({ parent: above }) => (above?.hasEnded === false ? above : undefined)))
      scope.settleAlone(byTime); // (7)
  }

  private settleAlone(byTime: boolean): void {
    if (!this.followAlone() && byTime && this.deadline !== Infinity && this.clock.now() >= this.deadline) this.expire();
  }

  private expireAlone(): void {
    const parent = this.parentOfSameDeadline;
    if (this.hasEnded) return;
    if (parent?.hasPassedDeadline === true) this.endAt(parent.endCause, this.deadline, true); // it was the parent's
    else this.endAt(this.timekeeper?.expiryCause() ?? this.deadlineCause(), this.deadline, true);
  }

  private attachFromTop(depth: number): void {
    const { parent } = this;
    if (parent?.isAttached === false && depth < NEAR_DEPTH) parent.attachFromTop(depth + 1);
    else if (parent?.isAttached === false)
      for (const scope of topDown(parent, ({ parent: above }) => (above?.isAttached === false ? above : undefined)))
        scope.attach(); // (7)
    this.attach();
  }

  /** Adds a watcher to an attached scope, unless that has ended. */
  private join(watcher: Watcher): boolean {
    if (this.hasEnded) return false;
    this.addWatcher(watcher);
    if (watcher.isWaitedFor) this.countWaiting(1);
    if (watcher.leavesAt > this.deadline) this.armTimer();
    return true;
  }

  private remove(watcher: Watcher): boolean {
    const wasThere = this.removeWatcher(watcher);
    if (wasThere && watcher.isWaitedFor) this.countWaiting(-1);
    return wasThere;
  }

  /** Stops following, and so do those above whom nobody else watches. */
  private leave(): void {
    this.detach();
    for (let scope = this.parent; scope?.isAttached === true && scope.isUnwatched; scope = scope.parent) scope.detach();
  }

  /** Counts watchers that are waited for, here and above. */
  private countWaiting(change: 1 | -1): void {
    let scope = this.countHere(change);
    while (scope !== undefined) scope = scope.countHere(change); // (7)
  }

  /** Returns the scope to which it makes a difference. */
  private countHere(change: 1 | -1): CancelScope | undefined {
    const before = this.isWaitedFor;
    this.waitedForCount += change;
    if (before === this.isWaitedFor) return undefined;
    if (before) this.timer?.unref();
    else this.timer?.ref();
    return this.isAttached ? this.parent : undefined;
  }

  private armTimer(): void {
    let scope = this.armHere();
    while (scope !== undefined) scope = scope.armHere(); // (7)
  }

  /** Returns the scope above where that ends at the same instant and tells us. */
  private armHere(): CancelScope | undefined {
    if (this.deadline === Infinity || this.timer !== undefined) return undefined;
    if (this.timekeeper !== undefined && !this.isReleased) return undefined;
    const above = this.parentOfSameDeadline;
    if (above !== undefined) return above;
    this.timer = this.clock.setTimer(() => this.expire(), this.deadline - this.clock.now());
    if (!this.isWaitedFor) this.timer.unref(); // (6)
    return undefined;
  }
}
