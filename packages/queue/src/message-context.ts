/**
 * Message context: the context under which a message is handled, the same for every queue.
 *
 *   the deadline that it brings ──┐
 *   maxTimeoutMs ─────────────────┼─ the earliest ─► context of the handler
 *   the end of the parent ────────┘
 *   defaultTimeoutMs: only for a message that brings no deadline
 *
 * Invariants
 *  (1) A message that brings a deadline has until that, however far off, but no longer than `maxTimeoutMs`.
 *  (2) A message that brings none has `defaultTimeoutMs`, but no longer than `maxTimeoutMs`.
 *  (3) Neither outlives the parent.
 *
 * @module
 */

import type { CancellableContext, Context } from '@holdfast/core';

/** How long a message may be handled. */
export interface MessageLimits {
  /** Milliseconds for a message that brings no deadline. */
  readonly defaultTimeoutMs: number;
  /** Milliseconds for any message. */
  readonly maxTimeoutMs: number;
}

/** Until when a message may be handled, and until when anybody waits for it. */
export interface MessageContext {
  /** The handler's. */
  readonly context: CancellableContext;
  /** Ends by the message's own deadline, whatever a handler is given; never, where it brings none. */
  readonly own: Context;
}

/** Derives the context of a message; `extract` derives one from another with what the message says. */
export function messageContext(
  parent: Context,
  { defaultTimeoutMs, maxTimeoutMs }: MessageLimits,
  extract: (parent: Context) => Context,
): MessageContext {
  const told = extract(parent); // (3)
  // below a deadline of the parent's, its own may be hidden
  const own = parent.deadline === Infinity ? told : extract(parent.withoutCancel());
  const limitMs = own.deadline < Infinity ? maxTimeoutMs : Math.min(defaultTimeoutMs, maxTimeoutMs); // (1) (2)
  return { context: told.withTimeout(limitMs), own };
}
