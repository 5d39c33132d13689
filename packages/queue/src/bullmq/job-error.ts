/**
 * Job errors: what a job fails with, or its context ends with, where nothing that the handler throws says it.
 *
 * @module
 */

import { RejectionError, ResilienceError, nameErrorClass } from '@holdfast/core';

/**
 * The deadline of a job had passed before its handler could begin, or would have; it was not run, or not added. Its `name` is that of BullMQ's own error for
 * jobs that are not to be tried again, which BullMQ knows by its name.
 */
export class JobExpiredError extends RejectionError {
  readonly code = 'JOB_EXPIRED';

  constructor(policy: string, job: string, when: string = 'had passed before it began') {
    super(`the deadline of ${job} ${when}`, { policy });
  }
}

/** A job's lock ran out, or another worker has it: what the handler does now, another may do as well. Nothing was recorded. */
export class JobLockLostError extends ResilienceError {
  readonly code = 'JOB_LOCK_LOST';
  readonly jobId: string;

  constructor(policy: string, jobId: string) {
    super(`the lock of job ${jobId} was lost while it ran`, { policy });
    this.jobId = jobId;
  }
}

/**
 * Says to BullMQ that the job was put back and is not to be touched: BullMQ knows it by its name. `cause` says why it was.
 */
export class JobPutBackError extends RejectionError {
  readonly code = 'JOB_PUT_BACK';

  constructor(policy: string, job: string, cause: unknown) {
    super(`${job} was put back`, { policy, cause });
  }
}

// --- internal ---

nameErrorClass(JobExpiredError, 'UnrecoverableError');
nameErrorClass(JobLockLostError, 'JobLockLostError');
nameErrorClass(JobPutBackError, 'DelayedError');
