/**
 * Deadline scope: a scope whose deadline has a cause of the caller's own.
 *
 * Invariants
 *  (1) The cause is for the deadline that it was given with: a scope that ends by a deadline above it, or by a cancel, ends
 *      with the cause of that.
 *
 * @module
 */

import { CancelScope } from './cancel-scope.ts';

/** Returns a scope below `parent` that ends at `deadline`, with `cause` or else a `DeadlineExceededError`. */
export function deadlineScope(parent: CancelScope, deadline: number, cause: unknown): CancelScope {
  const isOwn = deadline < parent.deadline && cause !== undefined && cause !== null; // (1)
  return isOwn ? new DeadlineScope(parent, deadline, cause) : new CancelScope(parent, parent.clock, deadline);
}

// --- internal ---

class DeadlineScope extends CancelScope {
  private readonly givenCause: unknown;

  constructor(parent: CancelScope, deadline: number, cause: unknown) {
    super(parent, parent.clock, deadline);
    this.givenCause = cause;
  }

  protected override deadlineCause(): unknown {
    return this.givenCause;
  }
}
