/**
 * Cancel listener: a function of the user's that is told when a context ends, as Go's `AfterFunc`.
 *
 * Invariants
 *  (1) It runs at most once, within the turn in which the context is known to have ended, and the others go on if it throws.
 *  (2) `stop` tells whether it was this stop that kept the listener from running.
 *
 * @module
 */

import type { CancelScope } from './cancel-scope.ts';
import type { Watcher } from './watcher.ts';
import { reportHookError } from './hooks.ts';
import type { Link } from './linked-list.ts';

/** Calls `listener` when `scope` ends; at once if it has ended. Returns what unhooks it. */
export function listenForEnd(scope: CancelScope, listener: (cause: unknown) => void): () => boolean {
  if (typeof listener !== 'function') throw new TypeError('onCancel needs a function');
  const watcher = new ListenerWatcher(listener);
  if (scope.ended || !scope.watch(watcher)) watcher.onEnd(scope.cause);
  return () => {
    const isInTime = watcher.listener !== undefined;
    watcher.listener = undefined;
    scope.unwatch(watcher);
    return isInTime; // (2)
  };
}

// --- internal ---

class ListenerWatcher implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  /** Undefined once it was called or stopped. */
  listener: ((cause: unknown) => unknown) | undefined;

  constructor(listener: (cause: unknown) => unknown) {
    this.listener = listener;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return false;
  }

  onEnd(cause: unknown): void {
    const { listener } = this;
    this.listener = undefined; // (1)
    try {
      const result = listener?.(cause);
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  }
}

function report(error: unknown): void {
  reportHookError('onCancel', error);
}
