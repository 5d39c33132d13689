/**
 * Once error: what a caller of `once` is told where there is no result for it.
 *
 * @module
 */

import { RejectionError, ResilienceError, nameErrorClass } from '@holdfast/core';

/** The lease ran out, or went to another, while the job ran: what it came to was not recorded, and another may run it again. */
export class OnceLeaseLostError extends ResilienceError {
  readonly code = 'ONCE_LEASE_LOST';
  readonly key: string;
  /** The token of the try that was overtaken. */
  readonly fencingToken: number;

  constructor(key: string, fencingToken: number) {
    super(`the lease of ${key} was lost while its job ran`);
    this.key = key;
    this.fencingToken = fencingToken;
  }
}

/** The job was done, and that could not be recorded: another may run it again. */
export class OnceUnrecordedError extends ResilienceError {
  readonly code = 'ONCE_UNRECORDED';
  readonly key: string;
  /** What the job came to. */
  readonly value: unknown;

  constructor(key: string, value: unknown, cause: unknown) {
    super(`the job of ${key} was done, and that could not be recorded`, { cause });
    this.key = key;
    this.value = value;
  }
}

/** The job was done before, and its result could not be kept. */
export class OnceResultNotKeptError extends RejectionError {
  readonly code = 'ONCE_RESULT_NOT_KEPT';
  readonly key: string;
  /** `too-large`: more than `maxResultBytes`. `not-json`: JSON cannot hold it. */
  readonly reason: string;

  constructor(key: string, reason: string) {
    super(`the job of ${key} was done, and its result was not kept: ${reason}`);
    this.key = key;
    this.reason = reason;
  }
}

/** What is remembered of the error that a job has failed with. */
export interface OnceFailure {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
}

/** The job failed before, and failures are remembered. */
export class OnceFailedError extends RejectionError {
  readonly code = 'ONCE_FAILED';
  readonly key: string;
  readonly failure: OnceFailure;

  constructor(key: string, failure: OnceFailure) {
    super(`the job of ${key} has failed before: ${failure.message}`);
    this.key = key;
    this.failure = failure;
  }
}

// --- internal ---

nameErrorClass(OnceLeaseLostError, 'OnceLeaseLostError');
nameErrorClass(OnceUnrecordedError, 'OnceUnrecordedError');
nameErrorClass(OnceResultNotKeptError, 'OnceResultNotKeptError');
nameErrorClass(OnceFailedError, 'OnceFailedError');
