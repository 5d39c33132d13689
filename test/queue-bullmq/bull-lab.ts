/**
 * Bull lab: a queue of BullMQ on a private server, with workers and queues that are closed after the test.
 *
 * @module
 */

import type { Context } from '@holdfast/core';
import { type JobWorker, type JobWorkerOptions, jobWorker } from '@holdfast/queue/bullmq';
import { type Job, Queue, QueueEvents, Worker, type WorkerOptions } from 'bullmq';
import { onTestFinished } from 'vitest';

import type { RedisServer } from '../redis-lab/redis-server.ts';

/** What a handler of these tests is. */
export type Handle = (context: Context, job: Job) => unknown;

/** A queue with one worker of ours. */
export interface BullLab {
  readonly name: string;
  readonly queue: Queue;
  readonly jobs: JobWorker;
  /** BullMQ's own worker. */
  readonly worker: Worker;
  /** What the worker has told as errors. */
  readonly errors: Error[];
  /** Resolves when the job has completed or failed, with its state. */
  readonly ended: (
    job: Job,
  ) => Promise<{ readonly state: string; readonly value: unknown; readonly reason: string | undefined }>;
}

let count = 0;

/** What a worker of BullMQ is made with, and ours. */
export interface LabOptions {
  readonly worker?: Partial<WorkerOptions>;
  readonly ours?: Partial<JobWorkerOptions<Job>>;
}

/** Makes a queue and a started worker that handles its jobs. */
export async function bullLab(redis: RedisServer, handle: Handle, options: LabOptions = {}): Promise<BullLab> {
  const name = `q${++count}`;
  const connection = { host: redis.host, port: redis.port, maxRetriesPerRequest: null };
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  const errors: Error[] = [];
  let worker: Worker | undefined;
  const jobs = jobWorker<Job>({
    handle,
    make: (process) => {
      worker = new Worker(name, process, { connection, drainDelay: 1, ...options.worker });
      worker.on('error', (error) => errors.push(error));
      return worker;
    },
    ...options.ours,
  });
  await Promise.all([jobs.start(), events.waitUntilReady()]);
  queue.on('error', () => {}); // servers are paused here
  events.on('error', () => {});
  onTestFinished(async () => {
    await Promise.allSettled([jobs.drain(), worker?.close(true), queue.close(), events.close()]);
  });
  return { name, queue, jobs, worker: worker as Worker, errors, ended: (job) => endOf(queue, job) };
}

// --- internal ---

async function endOf(queue: Queue, job: Job): ReturnType<BullLab['ended']> {
  for (;;) {
    const state = await job.getState();
    const now = await queue.getJob(job.id as string);
    if (state === 'completed' || state === 'failed')
      return { state, value: now?.returnvalue as unknown, reason: now?.failedReason };
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}
