/**
 * Signal scope: a root scope that ends when a signal of somebody else aborts; and a scope below another that ends with such
 * a signal as well.
 *
 * Invariants
 *  (1) It listens to the signal only while somebody watches it, and once, whoever watches.
 *  (2) The cause is the signal's reason by identity, or a `CancelledError` where it has none.
 *  (3) A scope below two ends with the first of them, and lets go of both.
 *
 * @module
 */

import { CancelledError, isTimeout } from './cancellation.ts';
import { CancelScope } from './cancel-scope.ts';
import type { Watcher } from './watcher.ts';
import { type Clock, systemClock } from './clock.ts';
import { reportHookError } from './hooks.ts';
import type { Link } from './linked-list.ts';

/** The part of `AbortSignal` that Holdfast needs of signals handed in; any implementation will do. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Returns the scope of a signal: the same for the same signal, so that one listener serves all who watch it. */
export function scopeOfSignal(source: AbortSignalLike, clock: Clock): CancelScope {
  requireSignal(source);
  let scope = scopes.get(source);
  if (scope === undefined) {
    scope = new SignalScope(source, clock);
    scopes.set(source, scope);
  }
  return scope;
}

/** The scope of a context made from a signal. */
export class SignalScope extends CancelScope {
  private readonly source: AbortSignalLike;
  private onAbort: (() => void) | undefined = undefined;

  constructor(source: AbortSignalLike, clock: Clock) {
    super(undefined, clock, Infinity);
    this.source = source;
  }

  /** The source itself where it is native: it aborts when this scope ends, and for the same reason. */
  override get signal(): AbortSignal {
    return this.source instanceof AbortSignal ? this.source : super.signal;
  }

  protected override followAlone(): boolean {
    const { source } = this;
    if (source.aborted) this.endAt(source.reason ?? new CancelledError(), this.clock.now(), isTimeout(source.reason)); // (2)
    return source.aborted;
  }

  protected override attach(): void {
    super.attach();
    this.onAbort = () => this.findOut();
    try {
      this.source.addEventListener('abort', this.onAbort);
    } catch (error) {
      reportHookError('addEventListener', error); // a broken signal can still be asked
    }
    this.findOut(); // it may have aborted meanwhile
  }

  protected override detach(): void {
    super.detach();
    if (this.onAbort !== undefined) this.source.removeEventListener('abort', this.onAbort); // (1)
    this.onAbort = undefined;
  }
}

/** A scope that ends with the scope above it, or when a signal aborts. */
export class SignalledScope extends CancelScope implements Watcher {
  private readonly signalScope: CancelScope;
  private readonly bridge: SignalBridge;

  constructor(parent: CancelScope, source: AbortSignalLike) {
    super(parent, parent.clock, Infinity);
    this.signalScope = scopeOfSignal(source, systemClock);
    this.bridge = new SignalBridge(this);
  }

  protected override followAlone(): boolean {
    if (super.followAlone()) return true;
    const { signalScope } = this;
    if (!signalScope.isKnownToHaveEnded()) return false;
    this.endAt(signalScope.cause, this.clock.now(), signalScope.endedByDeadline); // (3)
    return true;
  }

  protected override attach(): void {
    super.attach();
    if (!this.isKnownToHaveEnded() && !this.signalScope.watch(this.bridge)) this.followUp();
  }

  protected override detach(): void {
    super.detach();
    this.signalScope.unwatch(this.bridge); // (3)
  }
}

// --- internal ---

/** Watches the signal for a scope, whose own place as a watcher is with its parent. */
class SignalBridge implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly leavesAt: number = Infinity;
  readonly isWaitedFor: boolean = false;
  private readonly scope: SignalledScope;

  constructor(scope: SignalledScope) {
    this.scope = scope;
  }

  onEnd(cause: unknown): void {
    this.scope.onEnd(cause);
  }
}

/** Kept by the signals themselves: a scope goes with its signal. */
const scopes = new WeakMap<AbortSignalLike, SignalScope>();

function requireSignal(source: unknown): void {
  const { aborted, addEventListener, removeEventListener } = (source ?? {}) as Partial<AbortSignalLike>;
  const isSignal = typeof aborted === 'boolean' && typeof addEventListener === 'function';
  if (isSignal && typeof removeEventListener === 'function') return;
  throw new TypeError('Context.from needs an AbortSignal; of an AbortController, pass its signal');
}
