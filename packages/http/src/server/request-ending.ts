/**
 * Request ending: what is told of a request that is over.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

/**
 * How a request has ended: `answered`, in time and in whole; `refused`, no handler was run; `client-gone`; `deadline` and
 * `server-closing`, its context had ended before it was answered; `failed`, the answer was broken off here.
 */
export type RequestOutcome = 'answered' | 'refused' | 'client-gone' | 'deadline' | 'server-closing' | 'failed';

/** What is told of a request that is over. */
export interface RequestEnding {
  readonly outcome: RequestOutcome;
  /** The status that was sent; 499 where the client had gone before. */
  readonly status: number;
  /** Milliseconds from its head to its end. */
  readonly durationMs: number;
  /** Milliseconds that it had when it began, until its deadline; Infinity where it has none, 0 where there was nothing left. */
  readonly leftAtStartMs: number;
  /** What its handler has thrown, if it has and we were told; also where another answer was given. */
  readonly error: unknown;
  /** The context that its handler had, which has ended. */
  readonly context: Context;
}
