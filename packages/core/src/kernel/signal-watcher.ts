/**
 * Signal watcher: what aborts the native signal of a scope when the scope ends. It only listens: nobody waits for it.
 *
 * @module
 */

import type { Link } from './linked-list.ts';

/** Aborts a controller at the end of the scope that it watches, with the scope's cause. */
export class SignalWatcher implements Link {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly leavesAt: number = Infinity;
  readonly isWaitedFor: boolean = false;
  private readonly controller: AbortController;

  constructor(controller: AbortController) {
    this.controller = controller;
  }

  onEnd(cause: unknown): void {
    this.controller.abort(cause);
  }
}
