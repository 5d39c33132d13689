import { Context, contextKey } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { memoryOnce as inMemory } from '../once/memory-once.ts';
import { type Once, createRollback } from './rollback.ts';

const now = Date.parse('2026-03-04T05:06:07Z');

/** Keeps results in memory, for one process. */
function memoryOnce() {
  const results = new Map<string, Promise<unknown>>();
  const contexts: Context[] = [];
  const once: Once = {
    async run(key, job, context = Context.background) {
      contexts.push(context);
      const known = results.get(key);
      if (known !== undefined) return (await known) as never;
      const running = Promise.resolve().then(() => job(context, { fencingToken: 7, attempt: 1 }));
      results.set(key, running);
      running.catch(() => results.delete(key));
      return running;
    },
  };
  return { once, results, contexts };
}

const make = (once: Once) => createRollback({ once, wallClock: () => now });
const id = { task: 'order-4711', operation: 'refund', step: 2 };

describe('createRollback', () => {
  it('(1) gives the same id the same key, and no other id the same', async () => {
    const { once, results } = memoryOnce();
    const rollback = make(once);
    const ids = [
      { task: 'a/b', operation: 'c' },
      { task: 'a', operation: 'b/c' },
      { task: 'a', operation: 'b', step: 'c' },
      { task: 'a%2Fb', operation: 'c' },
      { task: 'a', operation: 'b', step: 0 },
    ];
    for (const each of [...ids, ...ids]) await rollback.execute(Context.background, each, () => 1);

    expect(results.size).toBe(ids.length);
  });

  it('(1) refuses the present moment in an id, in whatever form, and nothing else that is long', async () => {
    const rollback = make(memoryOnce().once);
    const times = [now, String(now - 1000), Math.floor(now / 1000), `${now}000000`, '2026-03-04T05:00:00.000Z'];
    for (const step of times)
      await expect(rollback.execute(Context.background, { ...id, step }, () => 1)).rejects.toThrow('no time');
    await expect(rollback.execute(Context.background, { ...id, task: 4711 }, () => 1)).resolves.toBe(1);
    for (const step of ['4006381333931', '2020-01-01T00:00:00Z', '1'.repeat(19), 12])
      await expect(rollback.execute(Context.background, { ...id, step }, () => 1)).resolves.toBe(1);
  });

  it.each([
    ['no task', { operation: 'refund' }],
    ['an empty part', { task: '', operation: 'refund' }],
    ['a part that is no text', { task: 'a', operation: {} }],
    ['a step that is NaN', { task: 'a', operation: 'b', step: Number.NaN }],
    ['a part that is no Unicode', { task: '\uD800', operation: 'b' }],
    ['a part that is too long', { task: 'a'.repeat(61), operation: 'b' }],
    ['all of it too long', { task: '%'.repeat(50), operation: 'b' }],
    ['nothing', undefined],
  ])('refuses an id with %s', async (_what, wrong) => {
    await expect(make(memoryOnce().once).execute(Context.background, wrong as never, () => 1)).rejects.toThrow(
      RangeError,
    );
  });

  it('(2) goes on where the request has ended, with its values, for a time of its own', async () => {
    const clock = virtualClock();
    const user = contextKey<string>('user');
    const request = Context.withClock(clock).withValue(user, 'ada').withCancel();
    request.cancel();
    const { once } = memoryOnce();
    const seen: unknown[] = [];
    await createRollback({ once, timeoutMs: 500 }).execute(request, id, (context) => {
      seen.push(context.cancelled, context.remainingMs(), context.value(user));
    });

    expect(seen).toEqual([false, 500, 'ada']);
  });

  it('(3) hands on the token of the lease, and gives duplicates the result', async () => {
    const rollback = make(memoryOnce().once);
    let runs = 0;
    const undo = (_context: Context, { fencingToken }: { fencingToken: number }) => `${++runs}/${fencingToken}`;
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => rollback.execute(Context.background, id, undo)),
    );

    expect(new Set(answers)).toEqual(new Set(['1/7']));
  });

  it('gives the error of undo by identity, and lets the next caller try again', async () => {
    const rollback = make(memoryOnce().once);
    const error = new Error('bank is away');
    const failing = rollback.execute(Context.background, id, () => Promise.reject(error));
    await expect(failing).rejects.toBe(error);
    await expect(rollback.execute(Context.background, id, () => 'refunded')).resolves.toBe('refunded');
  });

  it('(4) marks before it runs, on wish: no second try, neither after a success nor after a failure', async () => {
    const rollback = make(memoryOnce().once);
    let runs = 0;
    const failing = rollback.executeAtMostOnce(Context.background, id, () => {
      runs++;
      throw new Error('lost');
    });
    await expect(failing).rejects.toThrow('lost');
    await expect(rollback.executeAtMostOnce(Context.background, id, () => runs++)).resolves.toBe(false);
    await expect(rollback.executeAtMostOnce(Context.background, { ...id, step: 3 }, () => runs++)).resolves.toBe(true);
    expect(runs).toBe(2);
  });

  it.each(['execute', 'executeAtMostOnce'] as const)('(2) ends %s by its own time, whatever undo does', async (way) => {
    const clock = virtualClock();
    const rollback = createRollback({ once: inMemory({ clock }), timeoutMs: 100 });
    const undone = rollback[way](Context.withClock(clock), id, () => new Promise(() => {}));
    const failure = undone.catch((error: unknown) => error);
    await clock.advance(100);

    expect(await failure).toMatchObject({ name: 'TimeoutError' });
  });

  it('checks what it is made of', async () => {
    const { once } = memoryOnce();
    expect(() => createRollback({ once: {} as never })).toThrow('redisOnce');
    expect(() => createRollback({ once, timeoutMs: 0 })).toThrow(RangeError);
    expect(() => createRollback({ once, ttl: 3600 } as never)).toThrow(TypeError);
    expect(() => createRollback({ once, timeoutMs: Infinity })).not.toThrow();
    await expect(make(once).execute({} as Context, id, () => 1)).rejects.toThrow(TypeError);
    await expect(make(once).execute(Context.background, id, 1 as never)).rejects.toThrow(RangeError);
  });
});
