import { describe, expect, it, onTestFinished } from 'vitest';

import { onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import type { Problem } from '../api/problem.ts';
import { StoreTroubleError } from '../testing/store-trouble.ts';
import { type FleetStore, answerLimit, askStore, fleetStoreOf, mayHaveChanged, nodesOf } from './fleet-store.ts';

const problemOf = (asking: Promise<unknown>): Promise<Problem> =>
  asking.then(
    () => expect.unreachable(),
    (error: unknown) => error as Problem,
  );

describe('fleet store', () => {
  it('(1) gives an answer or a problem in time, and tells an answer that is late', async () => {
    const clock = virtualClock();
    const late: string[] = [];
    let answer = (_text: string): void => {};
    const ask = () => new Promise<string>((resolve) => (answer = resolve));
    const asking = problemOf(
      askStore(ask, { clock, answerByMs: answerLimit(clock), onLate: (text) => late.push(text) }),
    );

    await clock.advance(7999);
    expect(clock.pendingCount).toBe(1);
    await clock.advance(1);
    expect(await asking).toMatchObject({ status: 504, members: { code: 'STORE_TIMEOUT' } });
    answer('done');
    await clock.advance(0);

    expect(late).toEqual(['done']);
    expect(await askStore(() => Promise.resolve('at once'), { clock, answerByMs: answerLimit(clock) })).toBe('at once');
    expect(clock.pendingCount).toBe(0);
  });

  it('(1) reports what goes wrong when nobody waits any more', async () => {
    const clock = virtualClock();
    const reported: unknown[] = [];
    const before = onHookError((error) => void reported.push(error.message));
    onTestFinished(() => void onHookError(before));
    let fail = (_error: Error): void => {};
    const ask = () => new Promise<string>((_resolve, reject) => (fail = reject));
    const asking = problemOf(askStore(ask, { clock, answerByMs: answerLimit(clock), onLate: () => {} }));

    await clock.advance(8000);
    await asking;
    fail(new Error('late'));
    await clock.advance(0);

    expect(reported).toEqual([expect.stringContaining('admin.fleet')]);
  });

  it.each([
    ['timeout', true],
    ['away', true],
    ['failed', true],
    ['of a kind that is not known', true],
    ['denied', false],
  ])('(2) says whether something may have changed: %s', async (trouble, isUnknown) => {
    const clock = virtualClock();
    const ask = () => Promise.reject(new StoreTroubleError(trouble));

    const changing = await problemOf(askStore(ask, { clock, answerByMs: answerLimit(clock), onLate: () => {} }));
    const reading = await problemOf(askStore(ask, { clock, answerByMs: answerLimit(clock) }));

    expect([mayHaveChanged(changing), mayHaveChanged(reading)]).toEqual([isUnknown, false]);
    expect(changing.message.includes('it may have been done all the same')).toBe(isUnknown);
  });

  it('(2) knows nothing of what a store should not throw, and takes a method that throws for one that rejects', async () => {
    const clock = virtualClock();
    const ask = (): Promise<never> => {
      throw new Error('at once');
    };

    expect(
      mayHaveChanged(await problemOf(askStore(ask, { clock, answerByMs: answerLimit(clock), onLate: () => {} }))),
    ).toBe(true);
    expect(clock.pendingCount).toBe(0);
  });

  it('is known by its shape, and need not know how many processes there are', () => {
    const asks = { hold: () => {}, release: () => {}, explain: () => {} };
    const of = (store: unknown) => fleetStoreOf({ store: store as undefined });

    expect([of(undefined), of({}), of({ ...asks, release: undefined })]).toEqual([undefined, undefined, undefined]);
    expect(of(asks)).toBe(asks);
    const healthy = (health: () => unknown) => nodesOf({ ...asks, health } as unknown as FleetStore);
    const counts = [() => ({ nodes: 3 }), () => ({ nodes: 0 }), () => ({}), () => expect.unreachable()].map(healthy);
    expect(counts).toEqual([3, undefined, undefined, undefined]);
    expect(nodesOf(undefined)).toBe(undefined);
  });
});
