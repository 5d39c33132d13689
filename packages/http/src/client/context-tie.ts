/**
 * Context tie: ties what is under way to a context, so that it is aborted when that ends, and to none of them once it is over.
 *
 *   loose ── tieTo ──► tied ── the context ends ─► aborted
 *                     ▲ │ └─── release ──────────► released
 *                     └─┘ tieTo another
 *
 * Invariants
 *  (1) At most one context has a listener of it, and none once it was aborted or released.
 *  (2) What is aborted before `onAbort` is set hears when it is set.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

/** One thing under way. */
export class ContextTie {
  private unhook: (() => unknown) | undefined = undefined;
  private listener: ((cause: unknown) => void) | undefined = undefined;
  private state: 'open' | 'aborted' | 'released' = 'open';
  private cause: unknown = undefined;

  /** Whether it is over, one way or the other. */
  get isOver(): boolean {
    return this.state !== 'open';
  }

  /** Whether what it was for came to its own end. */
  get isReleased(): boolean {
    return this.state === 'released';
  }

  /** Whether `listener` is the one that hears. */
  isHeardBy(listener: (cause: unknown) => void): boolean {
    return this.listener === listener;
  }

  /** What to do when the context ends, in place of what was said before. */
  onAbort(listener: (cause: unknown) => void): void {
    if (this.state === 'aborted') listener(this.cause); // (2)
    else if (this.state === 'open') this.listener = listener;
  }

  /** Ties it to `context`, in place of the one before. Aborts at once if that has ended. */
  tieTo(context: Context): void {
    if (this.isOver) return;
    this.unhook?.(); // (1)
    this.unhook = undefined;
    if (context.cancelled) {
      this.abort(context.cause);
      return;
    }
    this.unhook = context.onCancel((cause) => this.abort(cause));
  }

  /** Ends it, as the end of the context would. */
  abort(cause: unknown): void {
    if (this.isOver) return;
    this.release();
    this.state = 'aborted';
    this.cause = cause;
    const { listener } = this;
    this.listener = undefined;
    listener?.(cause);
  }

  /** It is over. */
  release(): void {
    if (this.isOver) return;
    this.state = 'released';
    this.unhook?.();
    this.unhook = undefined;
  }
}
