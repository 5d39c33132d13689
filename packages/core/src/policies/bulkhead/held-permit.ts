/**
 * Held permit: a permit of a bulkhead in the hands of code that is not one function.
 *
 *   held ── release | its context ends | the block of `using` is left ─► given back
 *
 * Invariants
 *  (1) It is given back exactly once, by whatever comes first; what comes later does nothing.
 *  (2) Once given back, it watches no context any more.
 *
 * @module
 */

import type { CancelScope } from '../../kernel/cancel-scope.ts';
import type { Watcher } from '../../kernel/watcher.ts';
import type { Link } from '../../kernel/linked-list.ts';

/** A permit that was taken by hand. With `using`, it is given back when the block is left. */
export interface BulkheadPermit {
  /** Whether it was given back. */
  readonly isReleased: boolean;
  /** Gives it back; the call that waits next starts in this turn. Returns false, and does nothing, where it was given back. */
  release(): boolean;
  [Symbol.dispose](): void;
}

/** Where a permit goes back to. */
export interface PermitOwner {
  release(): void;
}

/** A permit. Its fields are plain for speed; the interface hides them. */
export class HeldPermit implements BulkheadPermit, Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  isReleased = false;
  private readonly owner: PermitOwner | undefined;
  private readonly scope: CancelScope;

  /** @param owner - Undefined where nothing is counted. */
  constructor(owner: PermitOwner | undefined, scope: CancelScope) {
    this.owner = owner;
    this.scope = scope;
    if (!scope.watch(this)) this.release();
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return false;
  }

  onEnd(_cause: unknown): void {
    this.release();
  }

  release(): boolean {
    if (this.isReleased) return false;
    this.isReleased = true; // (1)
    this.scope.unwatch(this); // (2)
    this.owner?.release();
    return true;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
