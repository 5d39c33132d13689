/**
 * Context: deadline, cancellation and request-scoped values of one request, as Go's `context.Context`.
 *
 * Make one where the request enters, derive from it, pass it as the first argument, never store it. It is immutable:
 * deriving returns a new one.
 *
 * Invariants
 *  (1) Cancelling a context ends it and all derived from it, never one above it.
 *  (2) The first cause wins and is kept by identity; `signal.reason` is that same object.
 *  (3) A derived context's deadline is never later than its parent's.
 *  (4) A context that nobody watches costs no timer, no listener and no place in a list, so none must be disposed of.
 *
 * Source: package context, The Go Authors, https://pkg.go.dev/context.
 * Deviation: contexts derived with a cancel or a deadline hang on their parent only while somebody watches them.
 *
 * @module
 */

import { PLAIN_CANCEL } from './cancellation.ts';
import { listenForEnd } from './cancel-listener.ts';
import { CancelScope } from './cancel-scope.ts';
import { type Clock, systemClock } from './clock.ts';
import { checkDeadline, checkTimeout } from './context-time.ts';
import { type ContextKey, type ContextValues, lastingValues, namesOf } from './context-values.ts';
import { deadlineScope } from './deadline-scope.ts';
import { EndlessScope } from './endless-scope.ts';
import { type AbortSignalLike, SignalledScope, scopeOfSignal } from './signal-scope.ts';

export { type ContextKey, contextKey } from './context-values.ts';

/** Deadline, cancellation and values of one request. Immutable; safe to share. */
export interface Context {
  /** Instant at which this context ends, in milliseconds on the clock's monotonic scale; Infinity when it has none. */
  readonly deadline: number;
  /** Whether the context has ended, by cancellation or by its deadline. */
  readonly cancelled: boolean;
  /** Why the context ended, by identity; undefined while it is live. */
  readonly cause: unknown;
  /**
   * What ended the context, whatever the cause: a cancel or a deadline, of its own or above; undefined while it is live. A
   * signal handed in counts as a deadline if its reason is a `TimeoutError`.
   */
  readonly endedBy: 'cancel' | 'deadline' | undefined;
  /** A native signal that aborts when the context ends, with `cause` as its reason. Made when first read. */
  readonly signal: AbortSignal;
  /** Milliseconds until the deadline; 0 when it passed, Infinity when there is none. */
  remainingMs(): number;
  /** Returns the value nearest to this context that was set for `key`, or undefined. */
  value<T>(key: ContextKey<T>): T | undefined;
  /**
   * Calls `listener` once with the cause when the context ends; at once if it has ended. It runs synchronously, before
   * `cancel()` returns, in the order of hooking in; a promise that it returns is not waited for. What it throws is reported,
   * not thrown. Returns a function that unhooks it and tells whether it was this that kept the listener from running.
   */
  onCancel(listener: (cause: unknown) => void): () => boolean;
  /** Throws `cause` if the context has ended. */
  throwIfCancelled(): void;
  /** Derives a context that can be cancelled by itself. */
  withCancel(): CancellableContext;
  /**
   * Derives a context that ends `ms` milliseconds from now at the latest. 0 or less has ended at once; Infinity adds no
   * deadline. If it is this deadline that ends it, then with `cause`, or else a `DeadlineExceededError`.
   *
   * @throws RangeError when it is more than 1e12 milliseconds, some thirty years: that is the time of a Date.
   * @throws TypeError when it is no number.
   */
  withTimeout(ms: number, cause?: unknown): CancellableContext;
  /**
   * Derives a context that ends at `deadline` at the latest: an instant on the clock's monotonic scale. `cause` as above.
   *
   * @throws RangeError when it is more than 1e12 milliseconds from now: that is the time of a Date.
   * @throws TypeError when it is no number.
   */
  withDeadline(deadline: number, cause?: unknown): CancellableContext;
  /** Derives a context that ends as well when `signal` aborts, with its reason. It is listened to only while needed. */
  withSignal(signal: AbortSignalLike): Context;
  /** Derives a context in which `key` has `value`. Setting undefined hides the value above. */
  withValue<T>(key: ContextKey<T>, value: T): Context;
  /**
   * Derives a context with the same values that neither ends with this one nor has its deadline. It belongs to no try of a
   * retry any more: what runs under it is work of its own.
   */
  withoutCancel(): Context;
  /** For people and logs: the state, the time that is left and the names of the keys; never the values. */
  toString(): string;
}

/**
 * A context with its own cancel. With `using`, it is cancelled when the block is left; where the platform has no
 * `Symbol.dispose`, by `Symbol.for('Symbol.dispose')`, which is what esbuild and Babel make of `using` there.
 */
export interface CancellableContext extends Context {
  /** Ends the context and all derived from it, with `cause` or else a `CancelledError`. Later calls change nothing. */
  cancel(cause?: unknown): void;
  [Symbol.dispose](): void;
}

/** Where contexts come from. */
export const Context: {
  /** The root: never ends, no deadline, no values. */
  readonly background: Context;
  /** A root that ends when `signal` aborts. Any implementation of `AbortSignal` will do; it is listened to only while needed. */
  from(signal: AbortSignalLike): Context;
  /** A root on another clock, for tests. */
  withClock(clock: Clock): Context;
} = Object.freeze({
  get background() {
    return background;
  },
  from: (signal: AbortSignalLike): Context => new ContextNode(scopeOfSignal(signal, systemClock), undefined),
  withClock: (clock: Clock): Context => new ContextNode(new EndlessScope(clock), undefined),
});

/**
 * Makes the scope of a context when it is first needed; many a context is never asked. Nothing but the source may end that
 * scope, and if the source is a sink, it settles when it does.
 */
export interface ScopeSource {
  makeScope(): CancelScope;
}

/** Whether `value` is a context of this copy of the library. */
export function isContext(value: unknown): value is Context {
  return value instanceof ContextNode;
}

/**
 * Checks what was given to `place` as a context.
 *
 * @throws TypeError when it is none of this copy of the library: an `AbortSignal` most often, or forgotten.
 */
export function requireContext(place: string, value: unknown): asserts value is Context {
  if (isContext(value)) return;
  throw new TypeError(`${place} needs a Context; make one of a signal with Context.from(signal)`);
}

/** Whether `context` is known to have ended, without a look at the clock. */
export function isKnownToHaveEnded(context: Context): boolean {
  const scope = (context as ContextNode).madeScope;
  return scope !== undefined && !scope.isEndless && scope.isKnownToHaveEnded();
}

/** Returns the scope behind a context of this library. */
export function scopeOf(context: Context): CancelScope {
  return (context as ContextNode).scope;
}

/** Derives a context with the values of `context` on another scope. */
export function deriveContext(context: Context, scope: CancelScope): Context {
  return new ContextNode(scope, (context as ContextNode).values);
}

/** Derives a context with the values of `context`, whose scope `source` makes when it is needed. */
export function deriveLazily(context: Context, source: ScopeSource): Context {
  return new ContextNode(undefined, (context as ContextNode).values, source);
}

/** Derives a context with `values`, whose oldest are those of `context`, and the scope of `context`. */
export function deriveWithValues(context: Context, values: ContextValues): Context {
  const { madeScope, source } = context as ContextNode;
  return new ContextNode(madeScope, values, source);
}

/** Whether `context` ends only by `source`, which tells its sink by itself, so that nobody needs to watch the context. */
export function isEndedBy(context: Context, source: object): boolean {
  return (context as ContextNode).source === source;
}

// --- internal ---

class ContextNode implements Context {
  madeScope: CancelScope | undefined;
  readonly source: ScopeSource | undefined;
  readonly values: ContextValues | undefined;

  constructor(scope: CancelScope | undefined, values: ContextValues | undefined, source?: ScopeSource) {
    this.madeScope = scope;
    this.values = values;
    this.source = source;
  }

  get scope(): CancelScope {
    this.madeScope ??= (this.source as ScopeSource).makeScope();
    return this.madeScope;
  }

  get deadline(): number {
    return this.scope.deadline;
  }

  get cancelled(): boolean {
    return this.scope.ended;
  }

  get cause(): unknown {
    return this.scope.cause;
  }

  get endedBy(): 'cancel' | 'deadline' | undefined {
    if (!this.scope.ended) return undefined;
    return this.scope.endedByDeadline ? 'deadline' : 'cancel';
  }

  get signal(): AbortSignal {
    return this.scope.signal;
  }

  remainingMs(): number {
    const { deadline, clock } = this.scope;
    return deadline === Infinity ? Infinity : Math.max(0, deadline - clock.now());
  }

  value<T>(key: ContextKey<T>): T | undefined {
    for (let node = this.values; node !== undefined; node = node.parent) {
      if (node.key === key) return node.value as T;
    }
    return undefined;
  }

  onCancel(listener: (cause: unknown) => void): () => boolean {
    return listenForEnd(this.scope, listener);
  }

  throwIfCancelled(): void {
    if (this.scope.ended) throw this.scope.cause;
  }

  withCancel(): CancellableContext {
    return new CancellableNode(new CancelScope(this.scope, this.scope.clock, Infinity), this.values);
  }

  withTimeout(ms: number, cause?: unknown): CancellableContext {
    checkTimeout(ms);
    return endingAt(this, ms === Infinity ? Infinity : this.scope.clock.now() + ms, cause);
  }

  withDeadline(deadline: number, cause?: unknown): CancellableContext {
    checkDeadline(deadline, this.scope.clock.now());
    return endingAt(this, deadline, cause);
  }

  withSignal(signal: AbortSignalLike): Context {
    return new ContextNode(new SignalledScope(this.scope, signal), this.values);
  }

  withValue<T>(key: ContextKey<T>, value: T): Context {
    if (typeof key !== 'object' || key === null) throw new TypeError('withValue needs a key made by contextKey()');
    return new ContextNode(this.scope, { key, value, parent: this.values });
  }

  withoutCancel(): Context {
    return new ContextNode(new EndlessScope(this.scope.clock), lastingValues(this.values));
  }

  toString(): string {
    return `Context(${[describeEnd(this), ...describeKeys(this.values)].join('; ')})`;
  }

  /** Loggers that write JSON get what people get: a value may be a secret. */
  toJSON(): string {
    return this.toString();
  }

  /** What Node.js prints for it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

class CancellableNode extends ContextNode implements CancellableContext {
  cancel(cause?: unknown): void {
    this.scope.end(cause ?? PLAIN_CANCEL);
  }

  [DISPOSE](): void {
    this.cancel();
  }
}

/** {@link Context.background}. */
export const background: Context = new ContextNode(new EndlessScope(systemClock), undefined);

function endingAt({ scope, values }: ContextNode, deadline: number, cause: unknown): CancellableContext {
  const own =
    cause === undefined ? new CancelScope(scope, scope.clock, deadline) : deadlineScope(scope, deadline, cause);
  return new CancellableNode(own, values);
}

function describeEnd(context: Context): string {
  const { endedBy } = context;
  if (endedBy !== undefined) return `ended by a ${endedBy}`;
  return context.deadline === Infinity ? 'live' : `live, ${Math.ceil(context.remainingMs())} ms left`;
}

function describeKeys(values: ContextValues | undefined): string[] {
  return values === undefined ? [] : [`values: ${namesOf(values).join(', ')}`];
}
