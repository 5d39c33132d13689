import { EventEmitter } from 'node:events';

import { Context, RejectionError, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createQueueCodec } from '../codec.ts';
import type { JobLike, JobProcess } from './job-like.ts';
import { jobProducer } from './job-producer.ts';
import { type JobWorkerOptions, jobWorker } from './job-worker.ts';

class FakeWorker extends EventEmitter {
  readonly opts = { lockDuration: 1000 };
  readonly closes: boolean[] = [];
  isPaused = false;
  closing: Promise<void> = Promise.resolve();
  cancelJob = () => true;
  async pause() {
    this.isPaused = true;
  }
  async close(force = false) {
    this.closes.push(force);
    await this.closing;
  }
}

type Handle = (context: Context, job: JobLike) => unknown;

async function make(handle: Handle, options: Partial<JobWorkerOptions> = {}) {
  const clock = virtualClock();
  const worker = new FakeWorker();
  let run: JobProcess = () => Promise.reject(new Error('not started'));
  const jobs = jobWorker({
    handle,
    make: (process) => {
      run = process;
      return worker;
    },
    clock,
    wallClock: () => 1_000_000 + clock.now(),
    codec: createQueueCodec({ wallClock: () => 1_000_000 + clock.now(), clockSkewMs: 0 }),
    graceMs: 100,
    ...options,
  });
  await jobs.start();
  const root = Context.withClock(clock);
  const metadata = (leftMs: number) =>
    createQueueCodec({ wallClock: () => 1_000_000 + clock.now(), clockSkewMs: 0 }).toText(root.withTimeout(leftMs));
  /** A job that was added by somebody who waits for it so long. */
  const jobWithin = (leftMs: number) => fakeJob({ opts: { telemetry: { metadata: metadata(leftMs) } } });
  return { clock, worker, jobs, run, root, jobWithin };
}

function fakeJob(over: Partial<JobLike> = {}) {
  const moves: number[] = [];
  const moveToDelayed = async (at: number): Promise<void> => void moves.push(at - 1_000_000);
  const job: JobLike = { id: '1', name: 'mail', opts: {}, attemptsMade: 0, attemptsStarted: 1, moveToDelayed, ...over };
  return { job, moves };
}

const untilEnd: Handle = (context) => new Promise((_resolve, reject) => context.onCancel(reject));

class RefusedError extends RejectionError {
  readonly code = 'REFUSED';
}

/** What `promise` is rejected with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('jobWorker', () => {
  it('(1) gives BullMQ a function of exactly three parameters', async () => {
    const { run } = await make(() => 1);
    expect(run).toHaveLength(3);
  });

  it('(2) begins no job once a drain has begun, and puts it back', async () => {
    let runs = 0;
    const { run, jobs, worker } = await make(() => runs++);
    const { job, moves } = fakeJob();
    await jobs.drain();

    await expect(run(job, 't')).rejects.toMatchObject({ name: 'DelayedError', code: 'JOB_PUT_BACK' });
    expect({ runs, moves, isPaused: worker.isPaused }).toEqual({ runs: 0, moves: [0], isPaused: true });
  });

  it('(3) ends close with its context, whatever the worker does; by force where a handler was left behind', async () => {
    const { run, jobs, worker, clock, root } = await make(() => new Promise(() => {}), { graceMs: Infinity });
    void run(fakeJob().job, 't').catch(() => {});
    worker.closing = new Promise(() => {});
    const drained = jobs.drain(root.withTimeout(500));
    await clock.advance(500);
    expect(await drained).toMatchObject({ isComplete: false });
    const outcome = failureOf(jobs.close(root.withTimeout(200)));
    await clock.advance(200);
    expect(await outcome).toMatchObject({ name: 'TimeoutError' });
    expect(worker.closes).toEqual([true]);
  });

  it('(2) is not started once a drain has begun: each job would be put back, come again, and be put back', async () => {
    const jobs = jobWorker({ make: () => new FakeWorker(), handle: () => 1 });
    await jobs.drain();
    await expect(jobs.start()).rejects.toThrow('before its drain');
  });

  it('(4) takes no job once its context has ended, and leaves nothing at it when it is closed', async () => {
    const [context, other] = [Context.background.withCancel(), Context.background.withCancel()];
    const { worker } = await make(() => 1, { context });
    context.cancel();
    expect(worker.isPaused).toBe(true);

    const closed = await make(() => 1, { context: other });
    closed.worker.close = () => Promise.reject(new Error('no connection'));
    await expect(closed.jobs.close()).rejects.toThrow('no connection');
    closed.worker.isPaused = false;
    other.cancel();
    expect([closed.worker.isPaused, closed.worker.listenerCount('locksRenewed')]).toEqual([false, 0]);
  });

  it('is made once, of a worker, and reports what its pause throws', async () => {
    await expect((await make(() => 1)).jobs.start()).rejects.toThrow(RangeError);
    const none = jobWorker({ make: () => ({}) as never, handle: () => 1 });
    await expect(none.start()).rejects.toThrow('make().on');
    const queue = jobWorker({ make: () => Object.assign(new FakeWorker(), { add: () => {} }), handle: () => 1 });
    await expect(queue.start()).rejects.toThrow('bullmq.make() must be a worker of BullMQ, and no queue');
    const { jobs, worker } = await make(() => 1);
    const heard: unknown[] = [];
    const before = onHookError((error) => heard.push(error.hook));
    onTestFinished(() => void onHookError(before));
    worker.pause = () => Promise.reject(new Error('no'));
    await jobs.close();
    expect(heard).toEqual(['pause']);
    expect(worker.listenerCount('locksRenewed')).toBe(0);
  });

  it('closes a worker that is not ready in time, which nobody would close later', async () => {
    const clock = virtualClock();
    const worker = Object.assign(new FakeWorker(), { waitUntilReady: () => new Promise(() => {}) });
    const jobs = jobWorker({ make: () => worker, handle: () => 1, clock });
    const starting = failureOf(jobs.start(Context.withClock(clock).withTimeout(300)));
    await clock.advance(300);
    expect(await starting).toMatchObject({ name: 'TimeoutError' });
    expect(worker.closes).toEqual([true]);
    expect(worker.listenerCount('lockRenewalFailed')).toBe(0);
  });

  it.each([
    [{ defaultTimeoutMs: 0 }, 'jobWorker.defaultTimeoutMs'],
    [{ defaultTimeoutMs: 300_001 }, 'jobWorker.defaultTimeoutMs'],
    [{ maxTimeoutMs: Infinity }, 'jobWorker.maxTimeoutMs'],
    [{ maxPutBackCount: 1.5 }, 'jobWorker.maxPutBackCount'],
    [{ graceMs: -1 }, 'jobWorker.graceMs'],
    [{ handle: 1 }, 'jobWorker.handle'],
    [{ codec: {} }, 'createQueueCodec'],
    [{ concurrency: 5 }, 'no option'],
  ])('refuses %o', (wrong, message) => {
    const options = { make: () => new FakeWorker(), handle: () => 1, ...wrong };
    expect(() => jobWorker(options as never)).toThrow(message);
  });
});

describe('job-run', () => {
  it('(1) runs the handler once a call, and not under a context that has ended', async () => {
    let runs = 0;
    const { run, jobs, clock, root } = await make(() => ++runs);
    const expired = createQueueCodec({ wallClock: () => 1_000_000 + clock.now() }).toText(root.withTimeout(0));
    const failing = run(fakeJob({ opts: { telemetry: { metadata: expired } } }).job, 't');
    await expect(failing).rejects.toMatchObject({ name: 'UnrecoverableError', code: 'JOB_EXPIRED' });
    await expect(run(fakeJob().job, 't')).resolves.toBe(1);
    expect(jobs.snapshot()).toMatchObject({ expired: 1, completed: 1, running: 0 });
  });

  it('(2) ends the context by the deadline, by a signal, and when the handler has ended', async () => {
    const causes: unknown[] = [];
    const contexts: Context[] = [];
    const { run, clock } = await make(
      (context, job) => {
        contexts.push(context);
        context.onCancel((cause) => causes.push(cause));
        return job.name === 'quick' ? 1 : untilEnd(context, job);
      },
      { defaultTimeoutMs: 300, maxTimeoutMs: 1000 },
    );
    const late = failureOf(run(fakeJob().job, 't'));
    await clock.advance(300);
    expect(await late).toMatchObject({ name: 'TimeoutError' });
    const controller = new AbortController();
    const cancelled = run(fakeJob().job, 't', controller.signal);
    controller.abort('by hand');
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError', cause: 'by hand' });
    await expect(run(fakeJob().job, 't', AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    await run(fakeJob({ name: 'quick' }).job, 't');
    expect(contexts.map((context) => context.cancelled)).toEqual([true, true, true, true]);
    expect(clock.pendingCount).toBe(0);
  });

  it('(3) records nothing that a handler comes to after its lock was lost', async () => {
    const { run, worker, jobs } = await make((context, job) =>
      Promise.resolve(untilEnd(context, job)).catch(() => 'late'),
    );
    const running = run(fakeJob().job, 't');
    worker.emit('lockRenewalFailed', ['1']);
    await expect(running).rejects.toMatchObject({ code: 'JOB_LOCK_LOST', jobId: '1' });
    expect(jobs.snapshot()).toMatchObject({ lockLost: 1, completed: 0, failed: 0 });
  });

  it('(4) puts a refused job back so often and no more, and never beyond its deadline', async () => {
    const error = new RefusedError('full', { retryAfterMs: 70 });
    const { run } = await make(() => Promise.reject(error), { maxPutBackCount: 3, defaultTimeoutMs: 500 });
    const first = fakeJob();
    await expect(run(first.job, 't')).rejects.toMatchObject({ name: 'DelayedError', cause: error });
    expect(first.moves).toEqual([70]);
    await expect(run(fakeJob({ attemptsStarted: 3 }).job, 't')).rejects.toMatchObject({ name: 'DelayedError' });
    await expect(run(fakeJob({ attemptsStarted: 4 }).job, 't')).rejects.toBe(error);
    await expect(run(fakeJob({ attemptsStarted: 4, attemptsMade: 2 }).job, 't')).rejects.not.toBe(error);
    const long = await make(() => Promise.reject(new RefusedError('full', { retryAfterMs: 500 })), {
      defaultTimeoutMs: 100,
    });
    await expect(long.run(long.jobWithin(500).job, 't')).rejects.toMatchObject({ code: 'REFUSED' });
    for (const { job, moves } of [long.jobWithin(501), fakeJob()]) {
      await expect(long.run(job, 't')).rejects.toMatchObject({ name: 'DelayedError' });
      expect(moves).toEqual([500]); // a limit of the handler is no deadline of the job
    }
  });

  it('gives a job whose deadline is far off the most that any may have, not the default', async () => {
    const leftMs: number[] = [];
    const handle: Handle = (context) => leftMs.push(context.remainingMs());
    const { run, jobWithin } = await make(handle, { defaultTimeoutMs: 100, maxTimeoutMs: 1000 });
    for (const { job } of [jobWithin(800), jobWithin(5000), fakeJob()]) await run(job, 't');

    expect(leftMs).toEqual([800, 1000, 100]);
  });

  it('(3) records nothing either where the lock was lost after the context had ended', async () => {
    let finish = (): void => {};
    const handle: Handle = () => new Promise<void>((resolve) => (finish = resolve));
    const { run, clock, worker, jobs } = await make(handle, { defaultTimeoutMs: 50, graceMs: 10_000 });
    const running = failureOf(run(fakeJob().job, 't'));
    await clock.advance(60);
    worker.emit('lockRenewalFailed', ['1']);
    finish();

    expect(await running).toMatchObject({ code: 'JOB_LOCK_LOST' });
    expect(jobs.snapshot()).toMatchObject({ completed: 0, lockLost: 1, failed: 0 });
  });

  it('makes an error of what is none, since BullMQ fails over undefined', async () => {
    for (const thrown of [undefined, null, 'text', 7]) {
      const { run } = await make(() => Promise.reject(thrown));
      const error = await failureOf(run(fakeJob().job, 't'));
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ message: String(thrown) });
    }
  });

  it('gives the error itself where the job cannot be put back', async () => {
    const error = new RefusedError('full');
    const { run } = await make(() => Promise.reject(error));
    const moveToDelayed = () => Promise.reject(new Error('missing lock'));
    await expect(run(fakeJob({ moveToDelayed }).job, 't')).rejects.toBe(error);
  });
});

describe('lock-watch', () => {
  it('(1) counts a lock as lost only when it was not renewed for its whole length', async () => {
    const { run, worker, clock, jobs } = await make(untilEnd);
    const outcome = failureOf(run(fakeJob().job, 't'));
    await clock.advance(900);
    worker.emit('locksRenewed', { jobIds: ['1', 'other'], count: 2 });
    await clock.advance(999);
    expect(jobs.snapshot()).toMatchObject({ lockLost: 0, running: 1 });
    expect(jobs.isIdle()).toBe(false);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ code: 'JOB_LOCK_LOST' });
    expect(jobs.isIdle()).toBe(true);
  });

  it('(2) tells a try that the next one has its lock, and that one nothing', async () => {
    const { run, worker, clock, jobs } = await make(() => new Promise(() => {}), { graceMs: Infinity });
    void run(fakeJob().job, 't');
    worker.emit('locksRenewed', { jobIds: [], count: 0 });
    await clock.advance(600);
    void run(fakeJob().job, 't2'); // the same worker has it again
    await clock.advance(600);
    expect(jobs.snapshot()).toMatchObject({ lockLost: 1, running: 2 });
  });

  it('(2) tells a loss once, and leaves no timer', async () => {
    const { run, worker, clock, jobs } = await make(untilEnd);
    const outcome = failureOf(run(fakeJob().job, 't'));
    worker.emit('lockRenewalFailed', ['1', 'unknown']);
    worker.emit('lockRenewalFailed', ['1']);
    expect(await outcome).toMatchObject({ code: 'JOB_LOCK_LOST' });
    await jobs.close();
    expect(jobs.snapshot().lockLost).toBe(1);
    expect(clock.pendingCount).toBe(0);
  });
});

describe('job-producer', () => {
  const added: unknown[] = [];
  const queue = {
    add: async (name: string, data: unknown, opts?: object) => added.push({ name, data, opts }),
    addBulk: async (all: unknown[]) => all.map((each) => added.push(each)),
  };

  it('(1) adds nothing under a context that has ended, or would have when the job is due', async () => {
    const root = Context.withClock(virtualClock());
    const jobs = jobProducer(queue);
    const job = (delay: number) => ({ name: 'mail', data: {}, opts: { delay } });
    await expect(jobs.add(root.withTimeout(0), job(0))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(jobs.addBulk(root.withTimeout(100), [job(10), job(100)])).rejects.toMatchObject({
      code: 'JOB_EXPIRED',
      message: 'the deadline of a job that is due in 100 ms will have passed by then',
    });
    expect(added).toEqual([]);
    await jobs.add(root.withTimeout(100), job(99));
    expect(added).toHaveLength(1);
  });

  it('says what it needs where it is called as a queue is', async () => {
    const jobs = jobProducer({ add: async () => 0, addBulk: async () => [] });
    const { add } = jobs as unknown as { readonly add: (...args: unknown[]) => Promise<unknown> };
    await expect(add({ name: 'mail', data: {} })).rejects.toThrow('jobProducer needs a Context');
    await expect(add(Context.background, 'mail', {})).rejects.toThrow('must be an object { name, data, opts }');
    await expect(jobs.addBulk(Context.background, ['mail'] as never)).rejects.toThrow('jobProducer.addBulk job');
  });

  it('(2) sends no deadline with a job that repeats', () => {
    const context = Context.background.withTimeout(1000);
    const jobs = jobProducer(queue);
    expect(jobs.optionsFor(context).telemetry.metadata).toContain('deadline');
    expect(jobs.optionsFor(context, { repeat: { every: 10 } }).telemetry.metadata).toBe('{}');
  });
});
