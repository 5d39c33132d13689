import { AsyncLocalStorage } from 'node:async_hooks';

import { Context } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { group } from './group.ts';

const clock = virtualClock();
const root = Context.withClock(clock);
const boom = new Error('boom');

function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => void clock.setTimer(() => resolve(value), ms));
}

async function failAfter(ms: number, error: unknown): Promise<never> {
  await after(ms, undefined);
  throw error;
}

describe('group', () => {
  it('waits for all, and gives each its own value', async () => {
    const parts = group(root);
    const one = parts.go(() => after(10, 1));
    const two = parts.go(() => 'two');
    const waiting = parts.wait();
    await clock.advance(10);
    await waiting;

    expect([await one, await two]).toEqual([1, 'two']);
    await expect(group(root).wait()).resolves.toBeUndefined();
  });

  it('(1) rejects with the first error by identity, whichever was started first, and cancels the others with it', async () => {
    const parts = group(root);
    const causes: unknown[] = [];
    void parts.go((context) => {
      context.onCancel((cause) => causes.push(cause));
      return failAfter(50, new Error('second'));
    });
    void parts.go(() => failAfter(20, boom));
    const outcome = parts.wait().catch((error: unknown) => error);
    await clock.advance(20);
    expect(causes).toEqual([boom]);
    await clock.advance(30);

    expect(await outcome).toBe(boom);
    await expect(parts.wait()).rejects.toBe(boom);
  });

  it.each([undefined, null, 0, 'text'])('(1) a throw of %s is an error like any other', async (error) => {
    const parts = group(root);
    void parts.go(() => {
      throw error;
    });
    const sibling = parts.go((context) => new Promise((resolve) => void context.onCancel(resolve)));

    await expect(parts.wait()).rejects.toBe(error);
    if (error === undefined || error === null) expect(await sibling).toMatchObject({ code: 'CANCELLED' });
    else expect(await sibling).toBe(error);
  });

  it('(2) waits for all even when one has failed, and then takes no more', async () => {
    const parts = group(root);
    const ended: string[] = [];
    void parts.go(() => failAfter(10, boom));
    void parts.go(() => after(30, undefined).then(() => ended.push('slow')));
    let isSettled = false;
    const waiting = parts.wait().catch(() => (isSettled = true));
    await clock.advance(29);
    expect(isSettled).toBe(false);
    await clock.advance(1);
    await waiting;

    expect(ended).toEqual(['slow']);
    expect(() => parts.go(() => 1)).toThrow(
      expect.objectContaining({ name: 'GroupDoneError', code: 'GROUP_DONE' }) as Error,
    );
    expect(() => parts.tryGo(() => 1)).toThrow('takes no more pieces');
  });

  it('(2) ends its context when it is done, and lets pieces start others until then', async () => {
    const parts = group(root);
    const order: string[] = [];
    void parts.go(async () => {
      await after(5, undefined);
      void parts.go(() => after(5, undefined).then(() => order.push('child')));
      order.push('parent');
    });
    const waiting = parts.wait().then(() => order.push('done'));
    expect(parts.context.cancelled).toBe(false);
    await clock.advance(10);
    await waiting;

    expect(order).toEqual(['parent', 'child', 'done']);
    expect(parts.context.cause).toMatchObject({ code: 'CANCELLED', message: 'the group is done' });
    expect(root.cancelled).toBe(false);
  });

  it('(3) runs so many at once and no more, in order', async () => {
    const parts = group(root, 2);
    const started: number[] = [];
    for (const index of [1, 2, 3, 4]) {
      void parts.go(() => {
        started.push(index);
        return after(10, index);
      });
    }
    await settle();
    expect(started).toEqual([1, 2]);
    expect(parts.tryGo(() => 5)).toBeUndefined();
    await clock.advance(10);
    expect(started).toEqual([1, 2, 3, 4]);
    const waiting = parts.wait();
    await clock.advance(10);
    await waiting;
    expect(started).toHaveLength(4);
  });

  it('(3) tells when there is room, so that a list need not wait in the queue', async () => {
    const parts = group(root, { maxConcurrent: 1 });
    await parts.room();
    void parts.go(() => after(10, 1));
    const at: number[] = [];
    const start = clock.now();
    const waiting = parts.room().then(() => at.push(clock.now() - start));
    await clock.advance(10);
    await waiting;

    expect(at).toEqual([10]);
    await parts.wait();
  });

  it('(4) starts nothing under a context that has ended, and has not succeeded then', async () => {
    const context = root.withCancel();
    const parts = group(context, 1);
    const work = vi.fn<() => void>();
    void parts.go(() => after(10, 1));
    const queued = parts.go(work);
    const seeking = parts.room();
    await settle();
    context.cancel(boom);

    await expect(queued).rejects.toBe(boom);
    await seeking;
    const late = parts.go(work);
    const waiting = parts.wait().catch((error: unknown) => error);
    await clock.advance(10);
    expect(await waiting).toBe(boom);
    await expect(late).rejects.toBe(boom);
    expect(work).not.toHaveBeenCalled();

    const idle = group(context); // nothing runs that would delay its end
    void idle.go(work);
    await expect(idle.wait()).rejects.toBe(boom);
  });

  it('(4) has succeeded when the context ends and everything had been done', async () => {
    const context = root.withCancel();
    const parts = group(context);
    const value = parts.go(() => after(10, 'kept'));
    await settle();
    context.cancel(boom);
    const waiting = parts.wait();
    await clock.advance(10);

    await expect(waiting).resolves.toBeUndefined();
    expect(await value).toBe('kept');
  });

  it('(5) leaves no rejection unhandled, and no listener behind', async () => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    const context = root.withTimeout(1000);
    const parts = group(context, 1);
    void parts.go(() => Promise.reject(boom));
    void parts.go(() => 1);
    await parts.wait().catch(() => {});
    await settle();
    await settle();
    process.off('unhandledRejection', listen);

    expect(unhandled).toEqual([]);
    expect(clock.pendingCount).toBe(0);
  });

  it('charter R3: a piece runs in the async context of who started it, whoever makes room for it', async () => {
    const request = new AsyncLocalStorage<string>();
    const parts = group(root, 1);
    const seen: (string | undefined)[] = [];
    for (const name of ['ada', 'bob', 'eve']) {
      request.run(name, () => {
        void parts.go(async () => {
          await after(5, undefined);
          seen.push(request.getStore());
        });
      });
    }
    const waiting = parts.wait();
    await clock.advance(15);
    await waiting;

    expect(seen).toEqual(['ada', 'bob', 'eve']);
  });

  it('is cancelled and waited for when its block is left', async () => {
    const ended: string[] = [];
    const inBlock = async (): Promise<void> => {
      await using parts = group(root, 1);
      void parts.go((context) =>
        new Promise<void>((resolve) => void context.onCancel(() => resolve())).then(() => ended.push('first')),
      );
      void parts.go(() => ended.push('never'));
      await settle();
      throw boom;
    };

    await expect(inBlock()).rejects.toBe(boom);
    expect(ended).toEqual(['first']);
  });

  it('refuses what it does not understand', () => {
    expect(() => group(root, 0)).toThrow('group.maxConcurrent must be an integer from 1');
    expect(() => group(root, { limit: 1 } as never)).toThrow('group has no option "limit"');
    expect(() => group({} as never)).toThrow('group needs a Context');
    expect(() => group(root).go(1 as never)).toThrow('group.go work must be a function');
    expect(group().context.deadline).toBe(Infinity);
  });
});
