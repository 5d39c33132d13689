/**
 * Handler: how a call goes inward through layers and its outcome comes back outward, without a promise per layer.
 *
 * A handler runs an operation and reports to a sink. A layer makes a handler around another; its state for one call is one
 * small object that is also the sink it passes inward. {@link invoke} is the innermost handler.
 *
 * Invariants
 *  (1) A handler reports to its sink exactly once. Sinks and handlers never throw.
 *  (2) The innermost handler reports when the context ends, also if the operation has not settled; what the operation does
 *      later is dropped.
 *  (3) The operation's value and error come back by identity.
 *  (4) `refuse` is reported where the operation was not run, and only there.
 *
 * @module
 */

import type { Watcher } from './watcher.ts';
import { UNREAD } from './clock.ts';
import { type Context, isEndedBy, isKnownToHaveEnded, scopeOf } from './context.ts';
import { type LateRuns, lateRunsOf } from './late-runs.ts';
import type { Link } from './linked-list.ts';

/** What a policy protects: a function of the context, with a value or a promise of one. */
export type Operation<T = unknown> = (context: Context) => T | PromiseLike<T>;

/** Receives the outcome of a run. `now` is the instant of the outcome if somebody read it, else `UNREAD`. */
export interface Sink {
  /** The operation has settled with a value. */
  resolve(value: unknown, now: number): void;
  /** The operation has settled with an error, or the context ended while it ran. */
  reject(error: unknown, now: number): void;
  /** The operation was not run, because of `error`: that says nothing about what it would have called. */
  refuse(error: unknown, now: number): void;
}

/** Runs `operation` and reports its outcome to `sink`. `now` is the instant of the call if somebody read it, else `UNREAD`. */
export type Handler = (operation: Operation, context: Context, sink: Sink, now: number) => void;

/** A call that has come to a layer, for one that does not hand it on at once: all that its start takes. */
export interface Arrival {
  readonly inner: Handler;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
}

/** Makes the handler of a policy around the handler inside it. */
export type Layer = (inner: Handler) => Handler;

/** The innermost handler: runs the operation, and reports the context's end if that comes first. */
export const invoke: Handler = (operation, context, sink) => {
  if (isKnownToHaveEnded(context)) {
    sink.refuse(context.cause, UNREAD); // a listener of ours may have ended it on the way
    return;
  }
  let result: unknown;
  let promise: Promise<unknown> | undefined;
  try {
    result = operation(context);
    promise = isPromiseLike(result) ? plainPromise(result) : undefined;
  } catch (error) {
    sink.reject(error, UNREAD);
    return;
  }
  if (promise === undefined) sink.resolve(result, UNREAD);
  else awaitResult(promise, context, sink);
};

// --- internal ---

/** One run of an operation that has not settled yet: the first of its outcome and the context's end counts. */
class Run implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly context: Context;
  readonly sink: Sink;
  settled = false;
  /** Who counts this run while it goes on after its context has ended. */
  late: LateRuns | undefined = undefined;

  constructor(context: Context, sink: Sink) {
    this.context = context;
    this.sink = sink;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return true;
  }

  resolve(value: unknown): void {
    if (this.settled) {
      this.late?.end('fulfilled', value);
      return;
    }
    this.settled = true;
    scopeOf(this.context).unwatch(this);
    this.sink.resolve(value, UNREAD);
  }

  reject(error: unknown): void {
    if (this.settled) {
      this.late?.end('rejected', error);
      return;
    }
    this.settled = true;
    scopeOf(this.context).unwatch(this);
    this.sink.reject(error, UNREAD);
  }

  onEnd(cause: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.late = lateRunsOf(cause);
    this.late?.begin();
    this.sink.reject(cause, UNREAD); // (2)
  }
}

function awaitResult(promise: Promise<unknown>, context: Context, sink: Sink): void {
  if (isEndedBy(context, sink)) {
    promise.then(
      (value) => sink.resolve(value, UNREAD), // not shared with the next: this one sees sinks of one class only, if any
      (error: unknown) => sink.reject(error, UNREAD),
    );
    return;
  }
  if (scopeOf(context).isEndless) {
    promise.then(
      (value) => sink.resolve(value, UNREAD),
      (error: unknown) => sink.reject(error, UNREAD),
    );
    return;
  }
  watchResult(promise, context, sink);
}

/** Waits for a result under a context that may end before. */
function watchResult(promise: Promise<unknown>, context: Context, sink: Sink): void {
  const run = new Run(context, sink);
  if (!scopeOf(context).watch(run)) run.onEnd(context.cause);
  promise.then(
    (value) => run.resolve(value),
    (error: unknown) => run.reject(error),
  );
}

/** Returns a promise whose `then` is the platform's own, so that it calls back once, and later. May throw as `thenable` does. */
function plainPromise(thenable: unknown): Promise<unknown> {
  const promise = Promise.resolve(thenable);
  return promise.then === Promise.prototype.then ? promise : new Promise((resolve) => resolve(promise));
}

function isPromiseLike(value: unknown): boolean {
  if (value instanceof Promise) return true;
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
