import { describe, expect, it, onTestFinished } from 'vitest';

import { isRejection, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { type DeferralOptions, createDeferral } from './deferral.ts';
import { memoryOutbox } from './outbox.ts';

function setUp(options: Partial<DeferralOptions<string>> = {}) {
  const clock = virtualClock();
  const outbox = memoryOutbox<string>({ maxItems: 10 });
  const state = { isDeferred: true };
  const delivered: [number, string][] = [];
  const dead: string[] = [];
  const deferral = createDeferral<string>({
    outbox,
    deliver: (item) => void delivered.push([clock.now(), item]),
    isDeferred: () => state.isDeferred,
    onDead: (item) => void dead.push(item),
    maxPerSecond: 2,
    clock,
    random: () => 0.5,
    ...options,
  });
  onTestFinished(() => deferral.close());
  return { clock, outbox, state, delivered, dead, deferral };
}

describe('createDeferral', () => {
  it('(2) delivers nothing while the feature defers, and then one after the other at the rate', async () => {
    const { clock, state, delivered, deferral } = setUp();
    for (const item of ['a', 'b', 'c']) await deferral.defer(item);
    await clock.advance(10_000);
    expect(delivered).toEqual([]);

    state.isDeferred = false;
    await clock.advance(3000);

    expect(delivered).toEqual([
      [11_000, 'a'],
      [11_500, 'b'],
      [12_000, 'c'],
    ]);
    expect(await deferral.count()).toBe(0);
  });

  it('(1) refuses what there is no room for, and says so', async () => {
    const { deferral } = setUp({ outbox: memoryOutbox({ maxItems: 1 }) });
    await deferral.defer('a');

    const error = await deferral.defer('b').catch((reason: unknown) => reason);

    expect(error).toMatchObject({ name: 'OutboxFullError', code: 'OUTBOX_FULL' });
    expect(isRejection(error)).toBe(true);
  });

  it('(1) hands over what cannot be delivered, after so many attempts, and goes on with the others', async () => {
    const delivered: string[] = [];
    const deliver = (item: string): void => {
      if (item === 'bad') throw new Error('no');
      delivered.push(item);
    };
    const { clock, state, dead, deferral } = setUp({ deliver, maxAttempts: 3 });
    for (const item of ['bad', 'good']) await deferral.defer(item);
    state.isDeferred = false;

    await clock.advance(10_000);

    expect([delivered, dead, await deferral.count()]).toEqual([['good'], ['bad'], 0]);
  });

  it('(1) keeps what nobody took, and ends a delivery that hangs', async () => {
    const before = onHookError(() => {});
    onTestFinished(() => void onHookError(before));
    const { clock, state, deferral } = setUp({
      deliver: () => new Promise(() => {}),
      onDead: () => Promise.reject(new Error('full')),
      maxAttempts: 1,
      deliveryTimeoutMs: 100,
    });
    await deferral.defer('a');
    state.isDeferred = false;

    await clock.advance(5000);

    expect(await deferral.count()).toBe(1);
  });

  it('(3) delivers again what the outbox could not let go', async () => {
    const before = onHookError(() => {});
    onTestFinished(() => void onHookError(before));
    const outbox = memoryOutbox<string>({ maxItems: 10 });
    let isBroken = true;
    const remove = outbox.remove.bind(outbox);
    outbox.remove = (id) => (isBroken ? Promise.reject(new Error('down')) : remove(id));
    const { clock, state, delivered, deferral } = setUp({ outbox });
    await deferral.defer('a');
    state.isDeferred = false;
    await clock.advance(1500);
    isBroken = false;
    await clock.advance(2000);

    expect(delivered.map(([, item]) => item)).toEqual(['a', 'a']);
    expect(await deferral.count()).toBe(0);
  });

  it('(4) ends, and leaves what waits where it is', async () => {
    const { clock, state, delivered, deferral } = setUp();
    await deferral.defer('a');
    state.isDeferred = false;

    deferral.close();
    deferral.close();
    await clock.advance(10_000);

    expect([delivered, clock.pendingCount, await deferral.count()]).toEqual([[], 0, 1]);
  });

  it.each([[{ maxPerSecond: 0 }], [{ deliver: 1 }], [{ outbox: {} }], [{ maxAttempts: 0 }], [{ lookEveryMs: 1 }]])(
    'refuses the options %j',
    (options) => {
      expect(() => setUp(options as never)).toThrow('deferral.');
    },
  );
});
