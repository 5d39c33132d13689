import { CancelledError, Context, bulkhead, circuitBreaker } from '@holdfast/core';
import { createContextCodec, defineContextSchema } from '@holdfast/context';
import { createQueueCodec } from '@holdfast/queue';
import {
  type JobInfo,
  JobExpiredError,
  JobLockLostError,
  jobInfo,
  jobProducer,
  jobWorker,
} from '@holdfast/queue/bullmq';
import { type Job, Queue, Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import { bullLab } from './bull-lab.ts';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

/** Runs until its context ends, and then fails with the cause. */
function untilEnd(context: Context): Promise<never> {
  return new Promise((_resolve, reject) => {
    context.onCancel(reject);
  });
}

describe('jobWorker: the context of a job', () => {
  it('has the deadline of whoever added it, the time in the queue included, and its values', async () => {
    const schema = defineContextSchema({ version: '1.0', fields: { region: { type: 'text' } } });
    const codec = createQueueCodec({ schema, send: 'all', accept: 'all' });
    const seen: { leftMs: number; region: unknown; info: JobInfo | undefined }[] = [];
    const { queue, jobs, worker, ended } = await bullLab(
      redis,
      (context) => {
        const region = context.value(schema.keys.region);
        seen.push({ leftMs: context.remainingMs(), region, info: context.value(jobInfo) });
      },
      { ours: { codec } },
    );
    await worker.pause();
    const context = Context.background.withTimeout(20_000).withValue(schema.keys.region, 'eu');
    const job = await jobProducer(queue, { codec }).add(context, { name: 'mail', data: { to: 'a' } });
    await sleep(200);
    await worker.resume();
    await ended(job);

    expect(seen).toHaveLength(1);
    expect(seen[0]?.leftMs).toBeLessThanOrEqual(19_800);
    expect(seen[0]?.leftMs).toBeGreaterThan(5000);
    expect(seen[0]).toMatchObject({ region: 'eu', info: { id: job.id, name: 'mail', attempt: 1 } });
    expect(job.data).toEqual({ to: 'a' });
    expect(jobs.snapshot()).toMatchObject({ completed: 1, running: 0 });
  });

  it('has the default time where a job brings none, and never more than the longest', async () => {
    const seen: number[] = [];
    const { queue, ended } = await bullLab(redis, (context) => seen.push(context.remainingMs()), {
      ours: { defaultTimeoutMs: 4000, maxTimeoutMs: 9000 },
    });
    await ended(await queue.add('plain', {}));
    await ended(await queue.add('foreign', {}, { telemetry: { metadata: '{"x-request-timeout":["\\u0000"]' } }));
    await ended(await jobProducer(queue).add(Context.background, { name: 'endless', data: 1 }));
    await ended(await jobProducer(queue).add(Context.background.withTimeout(1e7), { name: 'long', data: 1 }));

    expect(seen.map((leftMs) => Math.ceil(leftMs / 1000))).toEqual([4, 4, 4, 9]);
  });

  it('counts tries: a job that fails is tried again under a new context', async () => {
    const attempts: (number | undefined)[] = [];
    const { queue, jobs, ended } = await bullLab(redis, (context) => {
      attempts.push(context.value(jobInfo)?.attempt);
      if (attempts.length < 3) throw new Error('not yet');
      return 'sent';
    });
    const job = await queue.add('mail', {}, { attempts: 3 });

    expect(await ended(job)).toMatchObject({ state: 'completed', value: 'sent' });
    expect(attempts).toEqual([1, 2, 3]);
    expect(jobs.snapshot()).toMatchObject({ completed: 1, failed: 2 });
  });

  it('fails a job whose deadline passed in the queue, without running it and without another try', async () => {
    let runs = 0;
    const { queue, jobs, worker, ended } = await bullLab(redis, () => runs++);
    await worker.pause();
    const job = await jobProducer(queue).add(Context.background.withTimeout(1000), {
      name: 'mail',
      data: {},
      opts: { attempts: 5 },
    });
    await sleep(1100);
    await worker.resume();

    expect(await ended(job)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('had passed') as string,
    });
    expect(runs).toBe(0);
    expect((await queue.getJob(job.id as string))?.attemptsMade).toBe(1);
    expect(jobs.snapshot()).toMatchObject({ expired: 1, failed: 0 });
  });

  it('can be cancelled: BullMQ gives a signal to functions of three parameters only, and ours has three', async () => {
    const lengths: number[] = [];
    const { name, queue } = await bullLab(redis, untilEnd, { worker: { autorun: false } });
    const connection = { host: redis.host, port: redis.port, maxRetriesPerRequest: null };
    const workers: Worker[] = [];
    const jobs = jobWorker<Job>({
      handle: untilEnd,
      make: (process) => {
        lengths.push(process.length);
        const worker = new Worker(name, process, { connection });
        workers.push(worker);
        return worker;
      },
    });
    await jobs.start();
    const bareQueue = new Queue(`${name}-bare`, { connection });
    const bare = new Worker(`${name}-bare`, async (..._all: unknown[]) => sleep(1500), { connection });
    onTestFinished(async () => {
      await Promise.all([jobs.drain(Context.background.withTimeout(0)), bare.close(true), bareQueue.close()]);
      await jobs.close();
    });
    const job = await queue.add('mail', {});
    const bareJob = await bareQueue.add('mail', {});
    await eventually(() => jobs.snapshot().running === 1, { what: 'the job' });
    await eventually(async () => (await bareJob.getState()) === 'active', { what: 'the bare job' });

    expect(bare.cancelJob(bareJob.id as string)).toBe(false);
    expect(lengths).toEqual([3]);
    expect(workers[0]?.cancelJob(job.id as string)).toBe(true);
  });
});

describe('jobWorker: what ends a job', () => {
  it('ends the context in the turn of cancelJob, with the reason as an error', async () => {
    const causes: unknown[] = [];
    const { queue, worker, ended } = await bullLab(redis, (context) => {
      context.onCancel((cause) => causes.push(cause));
      return untilEnd(context);
    });
    const job = await queue.add('mail', {});
    await eventually(async () => (await job.getState()) === 'active', { what: 'the job' });
    await sleep(50);
    const found = worker.cancelJob(job.id as string, 'user left');
    await new Promise(setImmediate);

    expect(found).toBe(true);
    expect(causes).toHaveLength(1);
    expect(await ended(job)).toMatchObject({
      state: 'failed',
      reason: `job ${job.id} (mail) was cancelled: user left`,
    });
    expect(causes[0]).toBeInstanceOf(CancelledError);
    expect(causes[0]).toMatchObject({ cause: 'user left' });
  });

  it('ends the context when the lock is lost, and what the handler comes to is not recorded', async () => {
    const causes: unknown[] = [];
    const { name, queue, jobs, errors } = await bullLab(
      redis,
      async (context) => {
        await untilEnd(context).catch((cause: unknown) => causes.push(cause));
        return 'must not be seen';
      },
      { worker: { lockDuration: 2000, stalledInterval: 60_000 } },
    );
    const job = await queue.add('mail', {});
    await eventually(async () => (await job.getState()) === 'active', { what: 'the job' });
    await redis.admin.set(`bull:${name}:${job.id}:lock`, 'somebody else');
    await eventually(() => causes.length === 1, { what: 'the end of the context' });
    await eventually(() => jobs.snapshot().running === 0, { what: 'the end of the run' });
    await sleep(100);

    expect(causes[0]).toBeInstanceOf(JobLockLostError);
    expect(await job.getState()).toBe('active');
    expect((await queue.getJob(job.id as string))?.returnvalue).toBeNull();
    expect(jobs.snapshot()).toMatchObject({ lockLost: 1, completed: 0 });
    expect(errors.length).toBeGreaterThan(0);
  });

  it('ends the context when Redis is silent for as long as a lock lasts, of which BullMQ tells nothing', async () => {
    const own = await startRedisServer();
    onTestFinished(() => own.stop());
    const causes: unknown[] = [];
    const { queue } = await bullLab(
      own,
      async (context) => {
        await untilEnd(context).catch((cause: unknown) => causes.push(cause));
      },
      { worker: { lockDuration: 3000 } },
    );
    const job = await queue.add('mail', {});
    await eventually(async () => (await job.getState()) === 'active', { what: 'the job' });
    await sleep(4500); // renewed meanwhile
    expect(causes).toEqual([]);
    own.pause();
    await eventually(() => causes.length === 1, { what: 'the end of the context' });
    expect(causes[0]).toBeInstanceOf(JobLockLostError);
    own.resume();
  });

  it('fails a job whose handler does not heed the end, after the grace', async () => {
    const { queue, jobs, ended } = await bullLab(redis, () => new Promise(() => {}), {
      ours: { graceMs: 100, defaultTimeoutMs: 100 },
    });
    const job = await queue.add('mail', {});

    expect(await ended(job)).toMatchObject({ state: 'failed', reason: expect.stringContaining('deadline') as string });
    expect(jobs.snapshot()).toMatchObject({ abandoned: 1, failed: 1 });
  });
});

describe('jobWorker: refusals of our policies', () => {
  it('puts a job back, without the loss of an attempt, until the circuit is closed again', async () => {
    const breaker = circuitBreaker({ name: 'smtp' });
    const hold = breaker.hold('open', { owner: 'test', forMs: 60_000 });
    let runs = 0;
    const { queue, jobs, ended } = await bullLab(redis, (context) => breaker.execute(() => ++runs, context));
    const job = await queue.add('mail', {}, { attempts: 1 });
    await eventually(async () => jobs.snapshot().putBack >= 1 && (await job.getState()) === 'delayed', {
      what: 'a return',
    });
    expect(runs).toBe(0);
    const waiting = (await queue.getJob(job.id as string)) as Job;
    expect(waiting.delay).toBeGreaterThan(20_000); // as long as the circuit says
    expect(waiting.delay).toBeLessThanOrEqual(60_000);
    hold.release();
    await waiting.promote(); // as if that time were over

    expect(await ended(job)).toMatchObject({ state: 'completed', value: 1 });
    expect(jobs.snapshot()).toMatchObject({ completed: 1, failed: 0 });
  });

  it('lets it fail once it was put back as often as it may be, or where its deadline would pass', async () => {
    const full = bulkhead({ name: 'full', maxConcurrent: 1 });
    void full.execute(() => new Promise(() => {}));
    const { queue, jobs, ended } = await bullLab(redis, (context) => full.execute(() => 1, context), {
      ours: { putBackMs: 20, maxPutBackCount: 2 },
    });
    expect(await ended(await queue.add('mail', {}))).toMatchObject({ state: 'failed' });
    expect(jobs.snapshot()).toMatchObject({ putBack: 2, failed: 1 });

    const late = await bullLab(redis, (context) => full.execute(() => 1, context), { ours: { putBackMs: 60_000 } });
    const job = await jobProducer(late.queue).add(Context.background.withTimeout(5000), { name: 'mail', data: 0 });
    expect(await late.ended(job)).toMatchObject({ state: 'failed' });
    expect(late.jobs.snapshot()).toMatchObject({ putBack: 0, failed: 1 });
  });
});

describe('jobWorker: drain', () => {
  it('waits for the jobs that run, and takes no other', async () => {
    let done = 0;
    const { queue, jobs } = await bullLab(redis, async () => {
      await sleep(200);
      done++;
    });
    const job = await queue.add('mail', {});
    await eventually(() => jobs.snapshot().running === 1, { what: 'the job' });
    const drained = jobs.drain(Context.background.withTimeout(10_000));
    const next = await queue.add('mail', {});

    expect(await drained).toMatchObject({ isComplete: true, finished: [{ name: 'mail', count: 1, failedCount: 0 }] });
    await jobs.close();
    expect(done).toBe(1);
    expect(await job.getState()).toBe('completed');
    expect(['waiting', 'delayed']).toContain(await next.getState());
  });

  it('cancels what runs before its end, and puts it back for another worker without the loss of an attempt', async () => {
    const { queue, jobs } = await bullLab(redis, untilEnd, { ours: { graceMs: 2000 } });
    const job = await queue.add('mail', {}, { attempts: 1 });
    await eventually(() => jobs.snapshot().running === 1, { what: 'the job' });
    const begunAt = performance.now();
    const report = await jobs.drain(Context.background.withTimeout(4000));

    expect(report).toMatchObject({ isComplete: true, finished: [{ name: 'mail', failedCount: 1 }] });
    expect(performance.now() - begunAt).toBeLessThan(4000);
    await eventually(async () => (await job.getState()) === 'delayed' || (await job.getState()) === 'waiting', {
      what: 'the return',
    });
    await jobs.close();
    expect((await queue.getJob(job.id as string))?.attemptsMade).toBe(0);
  });

  it('leaves behind a handler that heeds nothing, and closes by force; another worker takes the job', async () => {
    const { name, queue, jobs, ended } = await bullLab(redis, () => new Promise(() => {}), {
      worker: { lockDuration: 500, stalledInterval: 300 },
    });
    const job = await queue.add('mail', {});
    await eventually(() => jobs.snapshot().running === 1, { what: 'the job' });
    const begunAt = performance.now();
    const report = await jobs.drain(Context.background.withTimeout(400));
    await jobs.close(Context.background.withTimeout(60_000));

    expect(report).toMatchObject({
      isComplete: false,
      abandoned: [{ name: 'mail' }],
      error: { code: 'DRAIN_INCOMPLETE' },
    });
    expect(performance.now() - begunAt).toBeLessThan(30_000);
    const connection = { host: redis.host, port: redis.port, maxRetriesPerRequest: null };
    const second = jobWorker({
      make: (process) => new Worker(name, process, { connection, stalledInterval: 300, lockDuration: 500 }),
      handle: () => 'taken over',
    });
    await second.start();
    onTestFinished(() => second.close());
    expect(await ended(job)).toMatchObject({ state: 'completed', value: 'taken over' });
  });

  it('ends at once with a context that has ended, and close does not hang where Redis is silent', async () => {
    const own = await startRedisServer();
    onTestFinished(() => own.stop());
    const { jobs } = await bullLab(own, () => 1);
    own.pause();
    const ended = Context.background.withTimeout(0);
    expect(await jobs.drain(ended)).toMatchObject({ isComplete: true });
    const begunAt = performance.now();
    await jobs.close(Context.background.withTimeout(300)).catch(() => {});
    expect(performance.now() - begunAt).toBeLessThan(15_000);
    own.resume();
  });
});

describe('jobProducer', () => {
  it('adds nothing under a context that has ended, or for which the delay is too long', async () => {
    const { queue } = await bullLab(redis, () => 1);
    const jobs = jobProducer(queue);
    const ended = Context.background.withCancel();
    ended.cancel(new Error('gone'));

    await expect(jobs.add(ended, { name: 'mail', data: 1 })).rejects.toThrow('gone');
    await expect(
      jobs.add(Context.background.withTimeout(1000), { name: 'mail', data: 1, opts: { delay: 2000 } }),
    ).rejects.toBeInstanceOf(JobExpiredError);
    await expect(jobs.add({} as Context, { name: 'mail', data: 1 })).rejects.toThrow(TypeError);
    expect(await queue.count()).toBe(0);
  });

  it('sends no deadline with jobs that repeat, and adds many at once', async () => {
    const { queue } = await bullLab(redis, () => 1);
    const jobs = jobProducer(queue);
    const context = Context.background.withTimeout(1000);

    expect(jobs.optionsFor(context, { repeat: { every: 1000 } }).telemetry.metadata).not.toContain('timeout');
    expect(jobs.optionsFor(context, { attempts: 2 })).toMatchObject({ attempts: 2 });
    expect(
      await jobs.addBulk(
        context,
        [1, 2].map((data) => ({ name: 'mail', data })),
      ),
    ).toHaveLength(2);
    expect(() => jobProducer(queue, { codec: createContextCodec() as never })).toThrow('createQueueCodec');
  });
});
