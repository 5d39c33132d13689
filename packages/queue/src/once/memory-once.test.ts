import { Context } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { memoryOnce, type MemoryOnceOptions } from './memory-once.ts';
import { requireOnce } from './once-port.ts';

function make(options: MemoryOnceOptions = {}) {
  const clock = virtualClock();
  return { clock, once: memoryOnce({ clock, ...options }), root: Context.withClock(clock) };
}

/** A job that ends when it is told to, and counts how many of it run. */
function slowJob() {
  const ends: { succeed: () => void; fail: (error: Error) => void }[] = [];
  let running = 0;
  const job = () =>
    new Promise<number>((resolve, reject) => {
      expect(++running).toBe(1);
      const end = (then: () => void) => () => {
        running--;
        then();
      };
      ends.push({
        succeed: end(() => resolve(ends.length)),
        fail: (error) => end(() => reject(error))(),
      });
    });
  return { ends, job };
}

describe('memoryOnce', () => {
  it('memory-once (1), (2): runs one of those who come at once, and all get its value', async () => {
    const { once, root } = make();
    const { ends, job } = slowJob();

    const all = Promise.all([1, 2, 3].map(() => once.run('a', job, root)));
    await settle();
    ends[0]?.succeed();

    expect(await all).toEqual([1, 1, 1]);
    expect(ends).toHaveLength(1);
  });

  it('memory-once (1): lets the next run where one has failed', async () => {
    const { once, root } = make();
    const { ends, job } = slowJob();
    const broken = new Error('broken');

    const first = once.run('a', job, root).catch((error: unknown) => error);
    const second = once.run('a', job, root);
    await settle();
    ends[0]?.fail(broken);
    await settle();
    ends[1]?.succeed();

    expect([await first, await second]).toEqual([broken, 2]);
  });

  it('memory-once (2): forgets after resultTtlMs, and not before', async () => {
    const { once, clock, root } = make({ resultTtlMs: 1000 });
    let runs = 0;
    const run = () => once.run('a', () => ++runs, root);

    await run();
    await clock.advance(999);
    expect(await run()).toBe(1);
    await clock.advance(1);
    expect(await run()).toBe(2);
  });

  it('memory-once (3): keeps the newest', async () => {
    const { once, root } = make({ maxKeys: 2 });
    const ran: string[] = [];
    for (const key of ['a', 'b', 'c', 'b', 'c', 'a']) await once.run(key, () => ran.push(key), root);

    expect(ran).toEqual(['a', 'b', 'c', 'a']);
  });

  it('memory-once (4): waits no longer than its context', async () => {
    const { once, clock, root } = make();
    const { ends, job } = slowJob();
    const first = once.run('a', job, root);
    const waiting = once.run('a', job, root.withTimeout(100, 'late')).catch((error: unknown) => error);

    await clock.advance(100);
    expect(await waiting).toBe('late');
    await expect(once.run('a', job, root.withTimeout(0, 'over'))).rejects.toBe('over');
    ends[0]?.succeed();
    expect(await first).toBe(1);
    expect(clock.pendingCount).toBe(0);
  });

  it('(4) waits no longer than its context for its own job either, which goes on and counts', async () => {
    const { once, root, clock } = make();
    const { job, ends } = slowJob();
    const own = once.run('a', job, root.withTimeout(100, 'late')).catch((error: unknown) => error);
    await settle();
    await clock.advance(100);
    expect(await own).toBe('late');

    const next = once.run('a', job, root);
    await settle();
    ends[0]?.succeed();

    expect([await next, ends.length, clock.pendingCount]).toEqual([1, 1, 0]);
  });

  it('(1) runs no second job of a key that the job itself asks for', async () => {
    const { once } = make();
    let runs = 0;
    const inner: Promise<unknown>[] = [];
    const job = () => {
      if (++runs === 1) inner.push(once.run('a', job));
      return runs;
    };

    expect(await once.run('a', job)).toBe(1);
    expect([await Promise.all(inner), runs]).toEqual([[1], 1]);
  });

  it('gives each try a higher fencing token, and the job’s error back by identity, thrown at once or later', async () => {
    const { once, root } = make();
    const tokens: number[] = [];
    const error = new Error('broken');
    const failing = once.run('a', (_context, { fencingToken }) => {
      tokens.push(fencingToken);
      throw error;
    });

    await expect(failing).rejects.toBe(error);
    await once.run('a', (_context, { fencingToken }) => tokens.push(fencingToken), root);

    expect(tokens).toEqual([1, 2]);
  });

  it('says what is wrong', async () => {
    expect(() => memoryOnce({ maxKeys: 0 })).toThrow('memoryOnce.maxKeys must be an integer from 1');
    expect(() => memoryOnce({ resultTtlMs: Infinity })).toThrow('memoryOnce.resultTtlMs must be a number from 1');
    await expect(memoryOnce().run('', () => 1)).rejects.toThrow('once.run key must be a non-empty string');
    await expect(memoryOnce().run('a', 1 as never)).rejects.toThrow('once.run job must be a function');
  });
});

it('requireOnce takes what has run, or nothing', () => {
  requireOnce('consumer.once', undefined);
  requireOnce('consumer.once', memoryOnce());

  for (const once of [null, {}, () => {}])
    expect(() => requireOnce('consumer.once', once)).toThrow('consumer.once must be what has run(key, job, context)');
});
