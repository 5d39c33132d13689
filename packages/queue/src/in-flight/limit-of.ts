/**
 * Limit of: how long a start, a drain or a close may take.
 *
 * @module
 */

import { type Clock, Context, requireContext } from '@holdfast/core';

/** The time where no context is given. */
export interface LimitParts {
  readonly clock: Clock;
  /** Milliseconds; 0 has ended at once, Infinity never ends. */
  readonly drainTimeoutMs: number;
}

/**
 * Returns `context`, or one that lasts `drainTimeoutMs` where none was given.
 *
 * @throws TypeError when it is no context; `place` says where.
 */
export function limitOf(place: string, context: Context | undefined, { clock, drainTimeoutMs }: LimitParts): Context {
  if (context === undefined) return Context.withClock(clock).withTimeout(drainTimeoutMs);
  requireContext(place, context);
  return context;
}
