/**
 * Waiting calls: calls that wait for their turn, each watched over by its own context, with one timer for all.
 *
 *   join ─► waiting ── take, takeBelow, takeOut ─► handed out
 *              ├────── its context ends ─────────► refused (cause)
 *              └────── its deadline leaves less than it needs ─► handed to onTooLate
 *
 * Invariants
 *  (1) Calls of a higher level are handed out before those of a lower one; within a level the oldest or the newest, as asked.
 *  (2) A call whose context ends leaves at once, is refused with the cause, and is never handed out.
 *  (3) There is at most one timer for the turn, and none while nobody waits.
 *  (4) A call starts, and is refused, in the async context in which it joined.
 *
 * @module
 */

import { type CaptureAsyncContext, type RunInAsyncContext, captureWith } from './async-context.ts';
import { CancelScope } from './cancel-scope.ts';
import type { Watcher } from './watcher.ts';
import { type Clock, type Timer, UNREAD } from './clock.ts';
import { type Context, scopeOf } from './context.ts';
import type { Arrival, Sink } from './handler.ts';
import { type Link, LinkedList, unlink } from './linked-list.ts';

/** How a call waits. */
export interface WaitTerms {
  /** The instant at which it joins. */
  readonly joinedAt: number;
  /** Calls of a higher level are handed out first. Integer, 0 or more; few. */
  readonly level: number;
  /** What it will use up. */
  readonly cost: number;
  /** Time that its deadline must leave when it starts. Milliseconds; 0 lets it wait until its context ends. */
  readonly minRunMs: number;
}

/** What the owner of waiting calls gives. */
export interface WaitingCallsParts {
  /** Name of the policy. */
  readonly name: string;
  readonly clock: Clock;
  readonly captureAsyncContext: CaptureAsyncContext | undefined;
  /** Called when the time given to `wakeAfter` has passed and somebody still waits. */
  onTurn(): void;
  /** Takes over a call whose deadline leaves less than its `minRunMs`. Needed where there is such a time. */
  onTooLate?(call: WaitingCall): void;
  /** Called after a call has left before its turn, and somebody still waits. */
  onLeft?(): void;
}

/** Which of the calls of a level: the one that has waited longest, or the last to come. */
export type WhichEnd = 'oldest' | 'newest';

/** Calls that wait for their turn. Its fields are plain for speed; `length`, `totalCost` and `emptyUntil` are for reading. */
export class WaitingCalls {
  /** Calls that wait. */
  length = 0;
  /** The cost of all that wait. */
  totalCost = 0;
  /** The instant until which nobody waited, where somebody does now. */
  emptyUntil: number = UNREAD;
  /** Lists by level; a level that nobody came to has none. */
  private readonly lists: (LinkedList | undefined)[] = [];
  private readonly parts: WaitingCallsParts;
  private timer: Timer | undefined = undefined;

  constructor(parts: WaitingCallsParts) {
    this.parts = parts;
  }

  /** Appends a call, and returns it. Returns undefined, and does not, when its context is known to have ended. */
  join(arrival: Arrival, terms: WaitTerms): WaitingCall | undefined {
    const call = new WaitingCall(this, arrival, terms);
    if (!call.scope.watch(call.watcher)) return undefined;
    call.runCaptured = captureWith(this.parts.captureAsyncContext, this.parts.name);
    (this.lists[terms.level] ??= new LinkedList()).append(call);
    if (this.length === 0) this.emptyUntil = terms.joinedAt;
    this.length++;
    this.totalCost += terms.cost;
    return call;
  }

  /** Whether a call of a lower level than `level` waits. */
  hasBelow(level: number): boolean {
    for (let lower = 0; lower < level && lower < this.lists.length; lower++) {
      if (this.lists[lower]?.isEmpty === false) return true;
    }
    return false;
  }

  /** Hands out a call of the highest level, or undefined where nobody is left to wait. */
  take(which: WhichEnd): WaitingCall | undefined {
    for (let level = this.lists.length - 1; level >= 0; level--) {
      const call = this.takeFrom(level, which); // (1)
      if (call !== undefined) return call;
    }
    return undefined;
  }

  /** Hands out a call of the lowest level there is, if that is lower than `level`. */
  takeBelow(level: number, which: WhichEnd): WaitingCall | undefined {
    for (let lower = 0; lower < level && lower < this.lists.length; lower++) {
      const call = this.takeFrom(lower, which);
      if (call !== undefined) return call;
    }
    return undefined;
  }

  /** Takes out a call that waits. Returns false where it was told already that its context ended, or is about to be. */
  takeOut(call: WaitingCall): boolean {
    this.leave(call);
    if (call.scope.ended) return false; // (2)
    call.scope.unwatch(call.watcher);
    return true;
  }

  /** The call that has waited longest, of all levels. */
  oldest(): WaitingCall | undefined {
    let oldest: WaitingCall | undefined;
    for (const list of this.lists) {
      const first = list?.first as WaitingCall | undefined;
      if (first !== undefined && (oldest === undefined || first.joinedAt < oldest.joinedAt)) oldest = first;
    }
    return oldest;
  }

  /** Sets the timer, unless it is set already. */
  wakeAfter(delayMs: number): void {
    if (this.length === 0) return; // (3)
    this.timer ??= this.parts.clock.setTimer(() => this.wake(), delayMs);
  }

  /** Stops the timer. */
  sleep(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** A call's wait has ended before its turn: with its context, or because too little time is left. */
  giveUp(call: WaitingCall): void {
    this.leave(call);
    const { context, sink } = call.arrival;
    const isOver = call.scope === scopeOf(context) || context.cancelled;
    if (isOver) call.runInContext(() => sink.refuse(context.cause, UNREAD)); // (2)
    else this.parts.onTooLate?.(call);
    if (this.length > 0) this.parts.onLeft?.();
  }

  // --- internal ---

  private takeFrom(level: number, which: WhichEnd): WaitingCall | undefined {
    const list = this.lists[level];
    if (list === undefined) return undefined;
    for (;;) {
      if (list.isEmpty) return undefined;
      const call = (which === 'oldest' ? list.next : list.previous) as WaitingCall;
      if (this.takeOut(call)) return call;
    }
  }

  private leave(call: WaitingCall): void {
    if (!unlink(call)) return; // it was handed out, or about to be
    this.length--;
    this.totalCost -= call.cost;
    if (this.length === 0) this.sleep(); // (3)
  }

  private wake(): void {
    this.timer = undefined;
    this.parts.onTurn();
  }
}

/** A call that waits. Who is handed one starts it or refuses its sink, once. */
export class WaitingCall implements Link {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly arrival: Arrival;
  readonly joinedAt: number;
  readonly cost: number;
  /** What ends the wait: the scope of its context, or one that ends a little earlier. */
  readonly scope: CancelScope;
  readonly watcher: EndWatcher;
  readonly queue: WaitingCalls;
  /** Runs a function in the async context in which the call joined; undefined where none is captured. */
  runCaptured: RunInAsyncContext | undefined = undefined;

  constructor(queue: WaitingCalls, arrival: Arrival, { joinedAt, cost, minRunMs }: WaitTerms) {
    this.queue = queue;
    this.arrival = arrival;
    this.joinedAt = joinedAt;
    this.cost = cost;
    this.scope = scopeOfWait(arrival.context, minRunMs);
    this.watcher = new EndWatcher(this);
  }

  /** Runs the call; its outcome goes to `sink`. */
  start(sink: Sink, now: number): void {
    const { inner, operation, context } = this.arrival;
    if (this.runCaptured === undefined) inner(operation, context, sink, now);
    else this.runCaptured(() => inner(operation, context, sink, now)); // (4)
  }

  /** Does what is due to the call in place of a start, in the async context in which it joined. */
  runInContext(fn: () => void): void {
    if (this.runCaptured === undefined) fn();
    else this.runCaptured(fn); // (4)
  }
}

// --- internal ---

class EndWatcher implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly call: WaitingCall;

  constructor(call: WaitingCall) {
    this.call = call;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return true;
  }

  onEnd(_cause: unknown): void {
    this.call.queue.giveUp(this.call);
  }
}

function scopeOfWait(context: Context, minRunMs: number): CancelScope {
  const scope = scopeOf(context);
  if (minRunMs === 0 || scope.deadline === Infinity) return scope;
  return new CancelScope(scope, scope.clock, scope.deadline - minRunMs);
}
