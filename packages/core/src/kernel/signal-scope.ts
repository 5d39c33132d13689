/**
 * Signal scope: a root scope that ends when a signal of somebody else aborts.
 *
 * Invariants
 *  (1) It listens to the signal only while somebody watches it, and once, whoever watches.
 *  (2) The cause is the signal's reason by identity, or a `CancelledError` where it has none.
 *
 * @module
 */

import { CancelledError } from './cancellation.ts';
import { CancelScope } from './cancel-scope.ts';
import type { Clock } from './clock.ts';
import { reportHookError } from './hooks.ts';

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

  protected override followUp(): boolean {
    if (this.source.aborted) this.endAt(this.source.reason ?? new CancelledError(), this.clock.now()); // (2)
    return this.source.aborted;
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

// --- internal ---

/** Kept by the signals themselves: a scope goes with its signal. */
const scopes = new WeakMap<AbortSignalLike, SignalScope>();

function requireSignal(source: unknown): void {
  const { aborted, addEventListener, removeEventListener } = (source ?? {}) as Partial<AbortSignalLike>;
  const isSignal = typeof aborted === 'boolean' && typeof addEventListener === 'function';
  if (isSignal && typeof removeEventListener === 'function') return;
  throw new TypeError('Context.from needs an AbortSignal; of an AbortController, pass its signal');
}
