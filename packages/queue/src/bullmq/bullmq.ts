/**
 * BullMQ: workers whose jobs have a context, and producers that send it along.
 *
 * @module
 */

export type { AbandonedRun, DrainReport, FinishedRuns } from '@holdfast/core';
export type { WallClock } from '../wall-clock.ts';
export { JobExpiredError, JobLockLostError, JobPutBackError } from './job-error.ts';
export type { JobLike, JobProcess, JobQueueLike, JobWorkerLike } from './job-like.ts';
export {
  type JobContextOptions,
  type JobProducer,
  type JobProducerOptions,
  type NewJob,
  jobProducer,
} from './job-producer.ts';
export { type JobCounts, type JobInfo, jobInfo } from './job-run.ts';
export { type JobWorker, type JobWorkerOptions, jobWorker, jobWorkerDefaults } from './job-worker.ts';
