import { AsyncLocalStorage } from 'node:async_hooks';

import { BulkheadFullError, Context } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { type WorkerPoolOptions, workerPool } from './worker-pool.ts';

function subject(options: WorkerPoolOptions = {}) {
  const clock = virtualClock();
  return { clock, root: Context.withClock(clock), pool: workerPool({ clock, ...options }) };
}

/** Work that ends when it is told to, in the order of its start. */
function openWork() {
  const finishers: ((value: string) => void)[] = [];
  return { finishers, work: () => new Promise<string>((resolve) => void finishers.push(resolve)) };
}

describe('workerPool', () => {
  it('ends the context of a run when its work has ended, and that of the caller lives on', async () => {
    const { pool, root } = subject();
    const caller = root.withCancel();
    let own: Context = caller;
    expect(await pool.run((context) => ((own = context), context.cancelled), caller)).toBe(false);
    await settle();

    expect([own.cancelled, caller.cancelled]).toEqual([true, false]);
  });

  it('(1) runs so much at once and no more, in the order in which it came', async () => {
    const { pool } = subject({ maxConcurrent: 2 });
    const { work, finishers } = openWork();
    const runs = ['a', 'b', 'c'].map(() => pool.run(work));
    await settle();
    expect(finishers).toHaveLength(2);
    expect(pool.snapshot()).toMatchObject({ running: 2, queued: 1 });
    finishers[0]?.('first');
    await settle();
    expect(finishers).toHaveLength(3);
    finishers[1]?.('second');
    finishers[2]?.('third');

    expect(await Promise.all(runs)).toEqual(['first', 'second', 'third']);
  });

  it('(1) waits for a turn inside the deadline, and runs nothing after it', async () => {
    const { pool, clock, root } = subject({ maxConcurrent: 1 });
    const { work, finishers } = openWork();
    const first = pool.run(work);
    const late = vi.fn<() => void>();
    const context = root.withTimeout(100);
    const second = pool.run(late, context).catch((error: unknown) => error);
    await clock.advance(100);

    expect(await second).toBe(context.cause);
    finishers[0]?.('done');
    expect(await first).toBe('done');
    expect(late).not.toHaveBeenCalled();
  });

  it('(1) refuses what finds the queue full, by the bulkhead that it is', async () => {
    const { pool } = subject({ maxConcurrent: 1, maxQueued: 0, name: 'thumbnails' });
    const { work, finishers } = openWork();
    const first = pool.run(work);

    await expect(pool.run(work)).rejects.toBeInstanceOf(BulkheadFullError);
    await expect(pool.run(work)).rejects.toMatchObject({ policy: 'thumbnails', reason: 'queue-full' });
    finishers[0]?.('done');
    await first;
    pool.update({ maxConcurrent: 3 });
    expect(pool.snapshot().maxConcurrent).toBe(3);
  });

  it('(2) drains what waits, too, and takes nothing new', async () => {
    const { pool, clock } = subject({ maxConcurrent: 1, drainTimeoutMs: 1000 });
    const { work, finishers } = openWork();
    expect(pool.isIdle()).toBe(true);
    const first = pool.run(work);
    const second = pool.run(work);
    await settle();
    expect(pool.isIdle()).toBe(false);
    const draining = pool.drain();
    await expect(pool.run(work)).rejects.toMatchObject({ code: 'DRAINING', policy: 'worker-pool' });
    finishers[0]?.('a');
    await clock.advance(10);
    finishers[1]?.('b');

    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
    expect(await draining).toMatchObject({ isComplete: true, finished: [{ name: 'work', count: 2 }] });
  });

  it('(2) ends the contexts of the rest before the drain is over, and abandons what goes on', async () => {
    const { pool, clock } = subject({ maxConcurrent: 1, drainTimeoutMs: 1000, graceMs: 200 });
    const heeding = pool.run((context) => new Promise((_, reject) => void context.onCancel(reject)));
    const waiting = pool.run(() => new Promise(() => {}));
    const outcomes = Promise.allSettled([heeding, waiting]);
    await settle();
    const draining = pool.drain();
    await clock.advance(1000);

    expect(await outcomes).toMatchObject([{ reason: { code: 'CANCELLED' } }, { reason: { code: 'CANCELLED' } }]);
    expect(await draining).toMatchObject({ isComplete: true, durationMs: 800 });
    const stubborn = subject({ drainTimeoutMs: 100 });
    const stuck = stubborn.pool.run(() => new Promise(() => {})).catch((error: unknown) => error);
    await settle();
    const leaving = stubborn.pool.drain();
    await stubborn.clock.advance(100);
    expect(await stuck).toMatchObject({ code: 'CANCELLED' }); // its caller is told; the work goes on
    expect((await leaving).abandoned).toEqual([{ name: 'worker-pool', ageMs: 100, place: undefined }]);
  });

  it('(3) settles as the work does, by identity', async () => {
    const { pool } = subject();
    const value = {};
    const error = new Error('boom');

    expect(await pool.run(() => value)).toBe(value);
    await expect(pool.run(() => Promise.reject(error))).rejects.toBe(error);
    const thrown = pool.run(() => {
      throw error;
    });
    await expect(thrown).rejects.toBe(error);
    await pool[Symbol.asyncDispose]();
  });

  it('charter R3: work runs in the async context of its caller, whoever makes room for it', async () => {
    const request = new AsyncLocalStorage<string>();
    const { pool, clock } = subject({ maxConcurrent: 1 });
    const wait = (): Promise<string | undefined> =>
      new Promise<void>((resolve) => void clock.setTimer(resolve, 5)).then(() => request.getStore());
    const runs = ['ada', 'bob', 'eve'].map((name) => request.run(name, () => pool.run(wait)));
    await clock.advance(15);

    expect(await Promise.all(runs)).toEqual(['ada', 'bob', 'eve']);
  });

  it('takes a number, and refuses what it does not understand', async () => {
    expect(workerPool(3).snapshot()).toMatchObject({ maxConcurrent: 3, maxQueued: 1000 });
    expect(() => workerPool(0)).toThrow('maxConcurrent must be an integer from 1');
    expect(() => workerPool({ enforcement: 'off' } as WorkerPoolOptions)).toThrow(
      'worker-pool has no option "enforcement"',
    );
    expect(() => workerPool({ drainTimeoutMs: -1 })).toThrow('worker-pool.drainTimeoutMs must be a number from 0');
    expect(() => workerPool({ graceMs: -1 })).toThrow('worker-pool.graceMs must be a number from 0');
    expect(() => workerPool().drain(1 as never)).toThrow('worker-pool.drain needs a Context');
    await expect(workerPool().run(1 as never)).rejects.toThrow('worker-pool.run work must be a function');
    await expect(workerPool().run(() => 1, {} as never)).rejects.toThrow('worker-pool.run needs a Context');
  });
});
