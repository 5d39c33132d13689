/**
 * Job: what is asked of BullMQ's jobs, workers and queues, so that its types are nowhere imported.
 *
 * @module
 */

/** What is asked of a job. */
export interface JobLike {
  readonly id?: string | undefined;
  readonly name: string;
  readonly opts: { readonly telemetry?: { readonly metadata?: string | undefined } | undefined };
  /** Times that it has failed. */
  readonly attemptsMade: number;
  /** Times that it was begun. */
  readonly attemptsStarted?: number | undefined;
  moveToDelayed(timestamp: number, token?: string): Promise<unknown>;
}

/**
 * What BullMQ calls for each job: a function of exactly three parameters, since a shorter one gets no signal. What jobs hold is
 * said by `handle`; if this said it as well, it could not be found out from there.
 */
export type JobProcess = (job: any, token?: string, signal?: AbortSignal) => Promise<any>;

/** What is asked of a worker. */
export interface JobWorkerLike {
  readonly opts?: { readonly lockDuration?: number | undefined; readonly skipLockRenewal?: boolean | undefined };
  on(event: 'lockRenewalFailed', listener: (ids: string[]) => void): unknown;
  on(event: 'locksRenewed', listener: (renewed: { jobIds: string[]; count: number }) => void): unknown;
  off(event: 'lockRenewalFailed', listener: (ids: string[]) => void): unknown;
  off(event: 'locksRenewed', listener: (renewed: { jobIds: string[]; count: number }) => void): unknown;
  cancelJob?(id: string, reason?: string): boolean;
  waitUntilReady?(): Promise<unknown>;
  pause(doNotWaitActive?: boolean): Promise<unknown>;
  close(force?: boolean): Promise<unknown>;
}

/** What is asked of a queue. */
export interface JobQueueLike<J = unknown> {
  add(name: string, data: never, opts?: object): Promise<J>;
  addBulk(jobs: { name: string; data: never; opts?: object }[]): Promise<J[]>;
}
