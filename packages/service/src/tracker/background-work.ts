/**
 * Background work: what a tracker does, and what it tells of itself.
 *
 * @module
 */

import { type Context, type DrainReport, RejectionError, nameErrorClass } from '@holdfast/core';

/** What a job may be given. */
export interface JobSettings {
  /** Where its values come from: the request's context. Neither its end nor its deadline are taken over. */
  readonly context?: Context;
  /** Deadline of this job, in place of `jobTimeoutMs`. Milliseconds, 1 or more; Infinity for none. */
  readonly timeoutMs?: number;
}

/** A tracker at one instant. */
export interface TrackerStatus {
  readonly state: 'open' | 'draining' | 'drained';
  /** Jobs under way. */
  readonly running: number;
  /** Those of them whose context has ended, by its deadline or a drain, and that go on nevertheless. */
  readonly overdue: number;
  /** Milliseconds since the oldest of them was begun; 0 where there is none. */
  readonly oldestAgeMs: number;
  /** Jobs since it was created, by what became of them. */
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly refused: number;
  /** Jobs that a drain had to leave behind, and those of them that ended later after all. */
  readonly abandoned: number;
  readonly late: number;
}

/** Background work of one service. */
export interface Tracker extends AsyncDisposable {
  readonly name: string;
  /** Starts `work` soon, and returns at once. The work should heed its context: it ends at the job's deadline, or with a drain. */
  go(name: string, work: (context: Context) => unknown, settings?: JobSettings): void;
  /**
   * Counts work that has been begun elsewhere, so that a drain waits for it. Accepted while it drains, too: it runs anyway.
   * Returns `promise` itself.
   */
  track<P extends PromiseLike<unknown>>(name: string, promise: P): P;
  /**
   * Takes nothing new, and waits until all jobs have ended or `context` has. Without one it takes `drainTimeoutMs` at most.
   * Never rejects. Called again it is the same drain, and ends with the first of the contexts.
   */
  drain(context?: Context): Promise<DrainReport>;
  /** Whether no job is under way. */
  isIdle(): boolean;
  status(): TrackerStatus;
}

/** As many jobs are under way as may be. The work did not run. */
export class TrackerFullError extends RejectionError {
  readonly code = 'TRACKER_FULL';
  readonly maxRunning: number;

  constructor(policy: string, name: string, maxRunning: number) {
    super(`${policy} has ${maxRunning} jobs under way and takes no more: ${name} was not run`, { policy });
    this.maxRunning = maxRunning;
  }
}

/** A job has failed. */
export interface TrackerFailedEvent {
  readonly type: 'tracker.failed';
  readonly policy: 'tracker';
  readonly name: string;
  readonly job: string;
  readonly error: unknown;
}

/** A job was refused. */
export interface TrackerRefusedEvent {
  readonly type: 'tracker.refused';
  readonly policy: 'tracker';
  readonly name: string;
  readonly job: string;
  readonly reason: 'draining' | 'full';
}

/** A drain is over. */
export interface TrackerDrainedEvent {
  readonly type: 'tracker.drained';
  readonly policy: 'tracker';
  readonly name: string;
  readonly report: DrainReport;
}

// --- internal ---

nameErrorClass(TrackerFullError, 'TrackerFullError');
