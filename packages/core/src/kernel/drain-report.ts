/**
 * Drain report: what a drain has brought to its end, and what it had to leave behind.
 *
 * @module
 */

import { RejectionError, ResilienceError, nameErrorClass } from './errors.ts';

/** Runs of one name that ended while it drained. */
export interface FinishedRuns {
  readonly name: string;
  /** Runs that ended, well or not. */
  readonly count: number;
  /** Those of them that failed; what was cancelled and gave up in time is among them. */
  readonly failedCount: number;
}

/** One run that had not ended when the drain was over. It may go on: a promise cannot be killed. */
export interface AbandonedRun {
  readonly name: string;
  /** Milliseconds since it was begun. */
  readonly ageMs: number;
  /** Where it, or another of the same name, was begun: a line of a stack. Undefined where none was noted. */
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
  readonly error: DrainIncompleteError | undefined;
}

/** A drain is over and work is left. `cause` says what ended it: most often, that its deadline passed. */
export class DrainIncompleteError extends ResilienceError {
  readonly code = 'DRAIN_INCOMPLETE';
  readonly abandoned: readonly AbandonedRun[];

  constructor(policy: string, abandoned: readonly AbandonedRun[], cause: unknown) {
    super(`${policy} is drained and left ${abandoned.length} behind: ${countByName(abandoned)}`, { policy, cause });
    this.abandoned = abandoned;
  }
}

/** It drains, or has drained, and takes nothing new. The work did not run. */
export class DrainingError extends RejectionError {
  readonly code = 'DRAINING';

  constructor(policy: string, name: string) {
    super(`${policy} is being drained and takes nothing new: ${name} was not run`, { policy });
  }
}

// --- internal ---

nameErrorClass(DrainIncompleteError, 'DrainIncompleteError');
nameErrorClass(DrainingError, 'DrainingError');

/** Names in a message, so that it stays one line. */
const MAX_NAMES = 10;

function countByName(runs: readonly AbandonedRun[]): string {
  const counts = new Map<string, number>();
  for (const { name } of runs) counts.set(name, (counts.get(name) ?? 0) + 1);
  const parts = [...counts].slice(0, MAX_NAMES).map(([name, count]) => (count === 1 ? name : `${name} (${count})`));
  return [...parts, ...(counts.size > MAX_NAMES ? ['...'] : [])].join(', ');
}
