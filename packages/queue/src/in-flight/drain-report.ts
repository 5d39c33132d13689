/**
 * Drain report: what a drain has brought to its end, and what it had to leave behind. A service counts it as its own.
 *
 * @module
 */

import { ResilienceError, nameErrorClass } from '@holdfast/core';

/** Messages of one name that were handled to their end while it drained. */
export interface FinishedRuns {
  readonly name: string;
  /** Those that ended, well or not. */
  readonly count: number;
  /** Those of them that failed; what was cancelled and gave up in time is among them. */
  readonly failedCount: number;
}

/** One message whose handler had not ended when the drain was over. It may go on: a promise cannot be killed. */
export interface AbandonedRun {
  readonly name: string;
  /** Milliseconds since it was begun. */
  readonly ageMs: number;
  /** Not known of messages. */
  readonly place: string | undefined;
}

/** What became of what was under way. */
export interface DrainReport {
  /** Whether nothing was abandoned. */
  readonly isComplete: boolean;
  /** Milliseconds that it took. */
  readonly durationMs: number;
  /** What ended while it drained, by name. */
  readonly finished: readonly FinishedRuns[];
  /** What did not, the oldest first. */
  readonly abandoned: readonly AbandonedRun[];
  /** The same as an error, for those who throw it; undefined where the drain is complete. */
  readonly error: ResilienceError | undefined;
}

/** A drain is over and messages are left, whose handlers still run. `cause` says what ended it. */
export class DrainIncompleteError extends ResilienceError {
  readonly code = 'DRAIN_INCOMPLETE';
  readonly abandoned: readonly AbandonedRun[];

  constructor(policy: string, abandoned: readonly AbandonedRun[], cause: unknown) {
    super(`${policy} is drained and left ${abandoned.length} behind`, { policy, cause });
    this.abandoned = abandoned;
  }
}

// --- internal ---

nameErrorClass(DrainIncompleteError, 'DrainIncompleteError');
