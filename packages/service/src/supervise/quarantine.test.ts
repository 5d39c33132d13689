import { onHookError } from '@holdfast/core';
import { describe, expect, it, vi } from 'vitest';

import { createQuarantine } from './quarantine.ts';
import { memoryRecord } from './record-store.ts';
import { ChildExitError } from './supervised-body.ts';

const died = new ChildExitError(undefined, 'SIGKILL');
const die = (): Promise<never> => Promise.reject(died);

describe('createQuarantine', () => {
  it('(1) keeps a job away that has brought down twice who did it, and tells of it once', async () => {
    const onQuarantined = vi.fn<(id: string, count: number) => void>();
    const quarantine = createQuarantine({ onQuarantined });
    const work = vi.fn<() => void>();
    await expect(quarantine.run('job-7', die)).rejects.toBe(died);
    expect(quarantine.list()).toEqual([]);
    await expect(quarantine.run('job-7', die)).rejects.toBe(died);
    expect(quarantine.list()).toEqual(['job-7']);

    await expect(quarantine.run('job-7', work)).rejects.toMatchObject({
      code: 'QUARANTINED',
      id: 'job-7',
      crashCount: 2,
    });
    expect(work).not.toHaveBeenCalled();
    expect(onQuarantined.mock.calls).toEqual([['job-7', 2]]);
    expect(await quarantine.run('job-8', () => 'fine')).toBe('fine');
    expect([quarantine.release('job-7'), quarantine.release('job-7')]).toEqual([true, false]);
    await quarantine.run('job-7', work);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('(2) does not take an error of the job for a crash', async () => {
    const quarantine = createQuarantine({ maxCrashes: 1 });
    const error = new Error('invalid address');
    for (let times = 0; times < 5; times++)
      await expect(quarantine.run('job', () => Promise.reject(error))).rejects.toBe(error);
    const thrown = quarantine.run('job', () => {
      throw error;
    });
    await expect(thrown).rejects.toBe(error);

    expect(quarantine.list()).toEqual([]);
  });

  it('(2) has noted a job before it begins, so that the death of the process counts', async () => {
    const store = memoryRecord<Readonly<Record<string, number>>>();
    const onQuarantined = vi.fn<(id: string, count: number) => void>();
    for (let deaths = 0; deaths < 2; deaths++) {
      void createQuarantine({ store }).run('poison', () => new Promise(() => {})); // and then the process is killed
      expect(store.read()).toEqual({ poison: deaths + 1 });
    }
    const next = createQuarantine({ store, onQuarantined });
    await expect(next.run('poison', () => 1)).rejects.toMatchObject({ code: 'QUARANTINED' });
    await expect(next.run('poison', () => 1)).rejects.toMatchObject({ crashCount: 2 });
    expect(onQuarantined.mock.calls).toEqual([['poison', 2]]);
    expect(await next.run('other', () => 2)).toBe(2);
    expect(store.read()).toEqual({ poison: 2 });
  });

  it('(2) counts runs of one job side by side as one', async () => {
    const quarantine = createQuarantine({ maxCrashes: 1 });
    let finish: () => void = () => {};
    const first = quarantine.run('job', () => new Promise<void>((resolve) => (finish = resolve)));
    expect(await quarantine.run('job', () => 'second')).toBe('second');
    expect(quarantine.list()).toEqual([]);
    finish();
    await first;
    await quarantine.run('job', () => {});
  });

  it('(3) remembers so many jobs and no more', async () => {
    const store = memoryRecord<Readonly<Record<string, number>>>();
    const quarantine = createQuarantine({ store, maxJobs: 2 });
    for (const id of ['a', 'b', 'c']) await quarantine.run(id, die).catch(() => {});

    expect(store.read()).toEqual({ b: 1, c: 1 });
  });

  it('asks who knows what a crash is; one that throws has said no', async () => {
    const reported: string[] = [];
    const before = onHookError(({ hook }) => void reported.push(hook));
    const isOutOfMemory = (error: unknown): boolean => (error as Error).message === 'out of memory';
    const own = createQuarantine({ maxCrashes: 1, isCrash: isOutOfMemory });
    await own.run('a', () => Promise.reject(new Error('out of memory'))).catch(() => {});
    await own.run('b', () => Promise.reject(null)).catch(() => {});
    onHookError(before);

    expect(own.list()).toEqual(['a']);
    expect(reported).toEqual(['isCrash']);
  });

  it('starts anew with a store that holds rubbish, and refuses what it does not understand', async () => {
    const quarantine = createQuarantine({ store: { read: () => ({ a: 'x', b: 5 }) as never, write: () => {} } });
    expect(quarantine.list()).toEqual(['b']);
    expect(() => createQuarantine({ maxCrashes: 0 })).toThrow('quarantine.maxCrashes must be an integer from 1');
    expect(() => createQuarantine({ maxJobs: 0 })).toThrow('quarantine.maxJobs must be an integer from 1');
    expect(() => createQuarantine({ store: {} as never })).toThrow('quarantine.store must be a RecordStore');
    expect(() => createQuarantine({ isCrash: 1 as never })).toThrow('quarantine.isCrash must be a function');
    await expect(quarantine.run('', () => 1)).rejects.toThrow('quarantine.run id must be a non-empty string');
    await expect(quarantine.run('a', 1 as never)).rejects.toThrow('quarantine.run work must be a function');
  });
});
