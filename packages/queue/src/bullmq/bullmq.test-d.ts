import { Context } from '@holdfast/core';
import { type Job, Queue, Worker } from 'bullmq';
import { describe, expectTypeOf, it } from 'vitest';

import { jobProducer } from './job-producer.ts';
import { type JobWorker, jobWorker } from './job-worker.ts';

interface Mail {
  readonly to: string;
}

declare const connection: { host: string };

describe('bullmq', () => {
  it('has types that ours fit: workers and jobs of BullMQ, with the data of a job', () => {
    const jobs = jobWorker({
      make: (process) => new Worker('mails', process, { connection }),
      handle: (context, job: Job<Mail, number>) => {
        expectTypeOf(context).toEqualTypeOf<Context>();
        expectTypeOf(job.data).toEqualTypeOf<Mail>();
        return 1;
      },
    });
    expectTypeOf(jobs).toEqualTypeOf<JobWorker>();
  });

  it('has queues that a producer takes', () => {
    const producer = jobProducer(new Queue('mails', { connection }));
    expectTypeOf(producer.add(Context.background, { name: 'welcome', data: {} })).resolves.toHaveProperty('id');
    // @ts-expect-error -- a job has a name
    void producer.add(Context.background, { data: {} });
  });
});
