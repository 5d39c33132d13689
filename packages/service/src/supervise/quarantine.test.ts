import { onHookError } from '@holdfast/core';
import { describe, expect, it, vi } from 'vitest';

import { createQuarantine } from './quarantine.ts';
import { type RecordStore, memoryRecord } from './record-store.ts';
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
    const store = memoryRecord<readonly (readonly [string, number])[]>();
    const onQuarantined = vi.fn<(id: string, count: number) => void>();
    for (let deaths = 0; deaths < 2; deaths++) {
      void createQuarantine({ store }).run('poison', () => new Promise(() => {})); // and then the process is killed
      expect(store.read()).toEqual([['poison', deaths + 1]]);
    }
    const next = createQuarantine({ store, onQuarantined });
    await expect(next.run('poison', () => 1)).rejects.toMatchObject({ code: 'QUARANTINED' });
    await expect(next.run('poison', () => 1)).rejects.toMatchObject({ crashCount: 2 });
    expect(onQuarantined.mock.calls).toEqual([['poison', 2]]);
    expect(await next.run('other', () => 2)).toBe(2);
    expect(store.read()).toEqual([['poison', 2]]);
  });

  it('(2) keeps a job away for no run that is only under way', async () => {
    const quarantine = createQuarantine({ maxCrashes: 1 });
    let finish: () => void = () => {};
    const first = quarantine.run('job', () => new Promise<void>((resolve) => (finish = resolve)));
    expect(await quarantine.run('job', () => 'second')).toBe('second');
    expect(quarantine.list()).toEqual([]);
    finish();
    await first;
    await quarantine.run('job', () => {});
  });

  it('(4) counts runs side by side each by itself, and none is made good by one that began before its crash', async () => {
    const quarantine = createQuarantine({ maxCrashes: 3 });
    let finish: () => void = () => {};
    const well = quarantine.run('job', () => new Promise<void>((resolve) => (finish = resolve)));
    await Promise.allSettled([quarantine.run('job', die), quarantine.run('job', die)]);
    finish();
    await well;
    await quarantine.run('job', die).catch(() => {});
    expect(quarantine.list()).toEqual(['job']);

    quarantine.release('job');
    await quarantine.run('job', die).catch(() => {});
    await quarantine.run('job', () => 'well'); // that makes good what was before it
    await quarantine.run('job', die).catch(() => {});
    await quarantine.run('job', die).catch(() => {});
    expect(quarantine.list()).toEqual([]);
  });

  it('(4) counts the death of the process once, however many runs of a job it ended', () => {
    const store: RecordStore<readonly (readonly [string, number])[]> = memoryRecord();
    const quarantine = createQuarantine({ store });
    for (let runs = 0; runs < 3; runs++) void quarantine.run('job', () => new Promise(() => {}));

    expect(store.read()).toEqual([['job', 1]]);
  });

  it('(5) settles as the work does when the store fails, which is reported', async () => {
    const reported: string[] = [];
    const before = onHookError(({ hook }) => void reported.push(hook));
    const write = (): never => {
      throw new Error('disk full');
    };
    const quarantine = createQuarantine({ store: { read: () => undefined, write } });
    expect(await quarantine.run('job', () => 'done')).toBe('done');
    onHookError(before);

    expect(reported).toEqual(['store.write', 'store.write']);
  });

  it('takes a promise for no answer, whatever comes of it, and reports it', async () => {
    const reported: string[] = [];
    const before = onHookError(({ hook }) => void reported.push(hook));
    for (const isCrash of [async () => true, () => Promise.reject(new Error('no'))]) {
      const quarantine = createQuarantine({ maxCrashes: 1, isCrash: isCrash as never });
      await quarantine.run('job', die).catch(() => {});
      expect(quarantine.list()).toEqual([]);
    }
    onHookError(before);

    expect(reported).toEqual(['isCrash', 'isCrash']);
  });

  it('(3) keeps the order of jobs whose ids are numbers, and reads what was written as an object', async () => {
    const store: RecordStore<readonly (readonly [string, number])[]> = memoryRecord();
    const quarantine = createQuarantine({ store, maxJobs: 2 });
    for (const id of ['7', '3', '1']) await quarantine.run(id, die).catch(() => {});
    expect(createQuarantine({ store, maxCrashes: 1 }).list()).toEqual(['3', '1']);
    store.write({ old: 2 } as never);
    expect(createQuarantine({ store }).list()).toEqual(['old']);
  });

  it('(3) remembers so many jobs and no more', async () => {
    const store = memoryRecord<readonly (readonly [string, number])[]>();
    const quarantine = createQuarantine({ store, maxJobs: 2 });
    for (const id of ['a', 'b', 'c']) await quarantine.run(id, die).catch(() => {});

    expect(store.read()).toEqual([
      ['b', 1],
      ['c', 1],
    ]);
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
    expect(() => createQuarantine({ store: { read: () => {} } as never })).toThrow('quarantine.store must be');
    expect(() => createQuarantine({ store: {} as never })).toThrow('quarantine.store must be a RecordStore');
    expect(() => createQuarantine({ isCrash: 1 as never })).toThrow('quarantine.isCrash must be a function');
    await expect(quarantine.run('', () => 1)).rejects.toThrow('quarantine.run id must be a non-empty string');
    await expect(quarantine.run('a', 1 as never)).rejects.toThrow('quarantine.run work must be a function');
  });
});
