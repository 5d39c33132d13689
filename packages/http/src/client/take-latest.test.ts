import { CancelledError, Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { takeLatest } from './take-latest.ts';

const hang = (): Promise<string> => new Promise(() => {});

describe('takeLatest', () => {
  it('(1): a call that is made while the one before ends replaces the one that ends it', async () => {
    const live: string[] = [];
    const calls = new Map<string, Promise<unknown>>();
    const take = takeLatest((context, name: string) => {
      live.push(name);
      context.onCancel(() => {
        live.splice(live.indexOf(name), 1);
        if (name === 'first') call('nested');
      });
      return new Promise(() => {});
    });
    const call = (name: string): unknown =>
      calls.set(
        name,
        take(Context.background, name).catch((error: unknown) => error),
      );
    for (const name of ['first', 'second']) call(name);

    expect(await calls.get('second')).toBeInstanceOf(CancelledError);
    expect(live).toEqual(['nested']);
  });

  it('(1): ends a run before the next starts', async () => {
    const log: string[] = [];
    const search = takeLatest((context, text: string) => {
      log.push(`start ${text}`);
      context.onCancel(() => log.push(`end ${text}`));
      return text === 'c' ? 'found' : hang();
    });

    const calls = ['a', 'b', 'c'].map((text) => search(Context.background, text));
    const ends = await Promise.allSettled(calls);

    expect(log).toEqual(['start a', 'end a', 'start b', 'end b', 'start c']);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  it('(2): fails a call that was replaced, also where the function does not heed its context', async () => {
    let isFirst = true;
    const search = takeLatest(() => {
      const answer = isFirst ? hang() : 'found';
      isFirst = false;
      return answer;
    });
    const first = search(Context.background);

    await expect(search(Context.background)).resolves.toBe('found');
    await expect(first).rejects.toThrow(CancelledError);
  });

  it('(2): ends what hangs on the context of a call that has settled', async () => {
    const contexts: Context[] = [];
    const search = takeLatest((context) => contexts.push(context));
    await search(Context.background);
    expect(contexts[0]?.cancelled).toBe(false);

    await search(Context.background);

    expect(contexts.map(({ cancelled }) => cancelled)).toEqual([true, false]);
  });

  it('waits, so that those that are replaced meanwhile never start', async () => {
    const clock = virtualClock();
    const started: string[] = [];
    const search = takeLatest((_context, text: string) => started.push(text), { delayMs: 150, clock });
    const first = search(Context.background, 'a').catch((error: unknown) => error);
    await clock.advance(149);
    const second = search(Context.background, 'b');
    await clock.advance(149);
    expect(started).toEqual([]);

    await clock.advance(1);

    await second;
    expect([started, clock.pendingCount]).toEqual([['b'], 0]);
    expect(await first).toBeInstanceOf(CancelledError);
  });

  it('ends with the context of the caller, also while it waits', async () => {
    const clock = virtualClock();
    const search = takeLatest(() => 1, { delayMs: 150, clock });
    const context = Context.background.withCancel();
    const calling = search(context);
    const cause = new Error('left');

    context.cancel(cause);

    await expect(calling).rejects.toBe(cause);
  });

  it('refuses misuse', async () => {
    expect(() => takeLatest(5 as never)).toThrow(/takeLatest must be a function/);
    expect(() => takeLatest(() => 1, { delayMs: -1 })).toThrow(/takeLatest\.delayMs/);
    await expect(takeLatest(() => 1)(undefined as never)).rejects.toThrow(TypeError);
  });
});
