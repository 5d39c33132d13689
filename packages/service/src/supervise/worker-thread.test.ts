import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { type WorkerThreadOptions, workerThread } from './worker-thread.ts';

function subject(code: string, options: WorkerThreadOptions<Worker> = {}) {
  const context = Context.background.withCancel();
  const beat = vi.fn<() => void>();
  const worker = new Worker(code, { eval: true });
  const run = { number: 1, isSafeMode: false, lastCrash: undefined, beat };
  const outcome = Promise.resolve(workerThread(() => worker, options)(context, run)).then(
    () => 'returned',
    (error: unknown) => error,
  );
  return { context, beat, worker, outcome };
}

describe('workerThread', () => {
  it('(1) returns when the thread has ended, and fails with its error or its code', async () => {
    const good = subject(`require('node:worker_threads').parentPort.postMessage('hello')`);
    expect(await good.outcome).toBe('returned');
    expect(good.beat).toHaveBeenCalledTimes(1);

    expect(await subject(`throw new TypeError('no such thing')`).outcome).toMatchObject({ message: 'no such thing' });
    expect(await subject(`process.exit(3)`).outcome).toMatchObject({ code: 'CHILD_EXITED', exitCode: 3 });
  });

  it('(2) terminates a busy loop', async () => {
    const { context, worker, outcome } = subject(
      `require('node:worker_threads').parentPort.postMessage('up'); for (;;);`,
    );
    await once(worker, 'message');
    context.cancel();

    expect(await outcome).toMatchObject({ exitCode: 1 });
  });

  it('(2) asks first where it can, and terminates what does not heed', async () => {
    const heeding = subject(
      `const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => process.exit(0)); parentPort.postMessage('up');`,
      { askToStop: (worker) => worker.postMessage('stop', []) },
    );
    await once(heeding.worker, 'message');
    heeding.context.cancel();
    expect(await heeding.outcome).toBe('returned');

    const clock = virtualClock();
    const deaf = subject(
      `const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => {}); parentPort.postMessage('up');`,
      { askToStop: () => {}, killAfterMs: 100, clock },
    );
    await once(deaf.worker, 'message');
    deaf.context.cancel();
    await clock.advance(100);
    expect(await deaf.outcome).toMatchObject({ exitCode: 1 });
  });

  it('refuses what it does not understand', () => {
    expect(() => workerThread(1 as never)).toThrow('workerThread create must be a function');
    expect(() => workerThread(() => ({}) as never, { killAfterMs: -1 })).toThrow('workerThread.killAfterMs');
    expect(() => workerThread(() => ({}) as never, { askToStop: 1 as never })).toThrow('workerThread.askToStop');
    const run = { number: 1, isSafeMode: false, lastCrash: undefined, beat: () => {} };
    expect(() => workerThread(() => ({}) as never)(Context.background, run)).toThrow(
      'workerThread create() must be a Worker',
    );
  });
});
