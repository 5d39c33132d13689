/**
 * Shared run: one run for several callers. It hangs on none of them: it ends when the last one has left.
 *
 *   under way ── outcome ──────────────► settled: all that are left are told
 *       └─────── the last sharer left ─► settled: its context ends
 *
 * Invariants
 *  (1) Every sharer is told exactly once: the run's outcome, or its own cause as soon as its context ends.
 *  (2) The run's context ends when the last sharer has left, with that one's cause, and for no other reason.
 *  (3) A run that has settled is in no list, and keeps no watcher or timer.
 *  (4) To the retries inside, a run is in a try of a retry only while all its sharers are.
 *
 * @module
 */

import { CancelScope } from './cancel-scope.ts';
import type { Watcher } from './watcher.ts';
import { type Clock, UNREAD } from './clock.ts';
import { type Context, type ContextKey, type ScopeSource, contextKey, deriveLazily, scopeOf } from './context.ts';
import type { Arrival, Handler, Operation, Sink } from './handler.ts';
import type { Link } from './linked-list.ts';
import { type RetryAttempt, type TryMark, tryMarkOf, withTryMark } from './retry-attempt.ts';

/** One run: the sink of what is inside, the source of its context's scope, and the list of those who wait for it. */
export class SharedRun implements Sink, ScopeSource {
  /** The run inside which this one was started. */
  readonly around: SharedRun | undefined;
  readonly inner: Handler;
  /** In the order in which they came. */
  readonly sharers: Set<Sharer> = new Set();
  /** Whether the operation was run: what those who leave early are told depends on it. */
  hasRun = false;
  readonly key: string;
  /** What the run is under. */
  readonly context: Context;
  settled = false;
  private readonly underWay: Map<string, SharedRun>;
  private readonly clock: Clock;

  /** @param underWay - Where its owner finds it by its key; it takes itself out when it settles. */
  constructor(underWay: Map<string, SharedRun>, key: string, { inner, context }: Arrival) {
    this.underWay = underWay;
    this.key = key;
    this.inner = inner;
    this.around = context.value(runOf);
    this.clock = scopeOf(context).clock;
    const mark = tryMarkOf(context);
    const own = mark === undefined ? context : withTryMark(context, new SharedTryMark(this, mark)); // (4)
    this.context = deriveLazily(own.withValue(runOf, this), this);
  }

  /** Whether a call with `context` was made inside this run. */
  includes(context: Context): boolean {
    let run = context.value(runOf);
    while (run !== undefined && run !== this) run = run.around;
    return run === this;
  }

  /** A root: it hangs on no caller, and has no deadline, since one that joins may have a later one. */
  makeScope(): CancelScope {
    return new CancelScope(undefined, this.clock, Infinity);
  }

  /** Lets a call wait for this run. Returns false, and refuses it, where its context has ended. */
  admit(arrival: Arrival, now: number): boolean {
    const sharer = new Sharer(this, arrival);
    const isLive = scopeOf(arrival.context).watch(sharer);
    if (isLive) this.sharers.add(sharer);
    else arrival.sink.refuse(arrival.context.cause, now);
    return isLive;
  }

  start(operation: Operation, now: number): void {
    const noted: Operation = (context) => {
      this.hasRun = true;
      return operation(context);
    };
    this.inner(noted, this.context, this, now);
  }

  /** Takes a sharer out whose context has ended. */
  leave(sharer: Sharer, cause: unknown): void {
    this.sharers.delete(sharer);
    if (this.sharers.size > 0 || this.settled) return;
    this.settle();
    scopeOf(this.context).end(cause); // (2): what is inside reports to us, in vain
  }

  resolve(value: unknown, now: number): void {
    if (this.settled) return;
    this.settle();
    for (const sharer of this.sharers) sharer.take().resolve(value, sharer.isAlongside ? now : UNREAD);
  }

  reject(error: unknown, now: number): void {
    if (this.settled) return;
    this.settle();
    for (const sharer of this.sharers) sharer.take().reject(error, sharer.isAlongside ? now : UNREAD);
  }

  refuse(error: unknown, now: number): void {
    if (this.settled) return;
    this.settle();
    for (const sharer of this.sharers) sharer.take().refuse(error, sharer.isAlongside ? now : UNREAD);
  }

  /** Before anybody is told, so that a call made in answer starts a run of its own. */
  private settle(): void {
    this.settled = true;
    if (this.underWay.get(this.key) === this) this.underWay.delete(this.key); // (3): another may have taken its place
  }
}

// --- internal ---

/** Under this key a shared run's context names the run. */
const runOf: ContextKey<SharedRun> = contextKey('the shared run');

/** What a run is to the retries inside that was started in a try: one that joins may be in none. */
class SharedTryMark implements TryMark {
  readonly run: SharedRun;
  /** The mark of the call that started the run. */
  readonly starter: TryMark;

  constructor(run: SharedRun, starter: TryMark) {
    this.run = run;
    this.starter = starter;
  }

  get attempt(): RetryAttempt {
    return this.starter.attempt;
  }

  get isRepeat(): boolean {
    return this.starter.isRepeat;
  }

  get isInForce(): boolean {
    const { sharers } = this.run;
    if (sharers.size === 0) return this.starter.isInForce;
    for (const sharer of sharers) if (!sharer.isTriedAgain) return false;
    return true;
  }
}

/** One call that waits for a run: it watches its own context meanwhile. */
class Sharer implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  private readonly run: SharedRun;
  private readonly arrival: Arrival;

  constructor(run: SharedRun, arrival: Arrival) {
    this.run = run;
    this.arrival = arrival;
  }

  /** Whether it came through the same layers as the run, so that instants of the run are on its clock. */
  get isAlongside(): boolean {
    return this.arrival.inner === this.run.inner;
  }

  /** Whether a retry outside will try again for it. */
  get isTriedAgain(): boolean {
    return tryMarkOf(this.arrival.context)?.isInForce === true;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return true;
  }

  /** Takes it out because the run has settled. Returns its sink. */
  take(): Sink {
    this.run.sharers.delete(this);
    scopeOf(this.arrival.context).unwatch(this);
    return this.arrival.sink;
  }

  onEnd(cause: unknown): void {
    this.run.leave(this, cause);
    if (this.run.hasRun) this.arrival.sink.reject(cause, UNREAD); // (1)
    else this.arrival.sink.refuse(cause, UNREAD);
  }
}
