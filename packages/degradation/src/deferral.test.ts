import { describe, expect, it, onTestFinished } from 'vitest';

import { Context, createEvents, isRejection, onHookError } from '@holdfast/core';
import { recordEvents, virtualClock } from '@holdfast/core/testing';

import { type DeferralOptions, createDeferral } from './deferral.ts';
import { memoryOutbox } from './memory-outbox.ts';

function setUp(options: Partial<DeferralOptions<string>> = {}) {
  const clock = virtualClock();
  const outbox = memoryOutbox<string>({ maxItems: 10, clock });
  const deferral = createDeferral<string>({
    outbox,
    keyOf: (item) => item,
    deliver: () => {},
    isDeferred: () => true,
    clock,
    random: () => 0.5,
    ...options,
  });
  onTestFinished(() => deferral.close());
  return { clock, outbox, deferral };
}

const errorOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((reason: unknown) => reason);

describe('createDeferral', () => {
  it('(1) accepts work, and says under which key', async () => {
    const { deferral } = setUp({ keyOf: (item) => `order/${item}` });

    expect(await deferral.defer('a')).toEqual({ key: 'order/a', isNew: true });
    expect(await deferral.count()).toEqual({ waiting: 1, taken: 0, dead: 0 });
  });

  it('(1) refuses what there is no room for, and says so', async () => {
    const events = createEvents();
    const heard = recordEvents(events);
    const { deferral } = setUp({ outbox: memoryOutbox({ maxItems: 1 }), events });
    await deferral.defer('a');

    const error = await errorOf(deferral.defer('b'));

    expect(error).toMatchObject({ name: 'OutboxFullError', code: 'OUTBOX_FULL' });
    expect(isRejection(error)).toBe(true);
    expect(heard.events).toMatchObject([
      { type: 'deferral.kept', name: 'deferral', key: 'a' },
      { type: 'deferral.refused', key: 'b' },
    ]);
  });

  it('(2) keeps work with the same key once, and not again shortly after it was done', async () => {
    let isDeferred = true;
    const delivered: string[] = [];
    const { clock, deferral } = setUp({ isDeferred: () => isDeferred, deliver: (item) => void delivered.push(item) });
    expect((await deferral.defer('a')).isNew).toBe(true);
    expect((await deferral.defer('a')).isNew).toBe(false);
    isDeferred = false;
    await clock.advance(2000);

    expect((await deferral.defer('a')).isNew).toBe(false);
    await clock.advance(2000);
    expect(delivered).toEqual(['a']);

    await clock.advance(600_000);
    expect((await deferral.defer('a')).isNew).toBe(true);
  });

  it('charter C5: goes on, and leaves no rejection, where isDeferred rejects or the dice throw', async () => {
    const told: string[] = [];
    const before = onHookError(({ hook, policy }) => told.push(`${hook} of ${policy}`));
    onTestFinished(() => void onHookError(before));
    const broken = setUp({ isDeferred: () => Promise.reject(new Error('down')) as never });
    const delivered: string[] = [];
    const throwing = setUp({
      isDeferred: () => false,
      deliver: (item) => void delivered.push(item),
      random: () => {
        throw new Error('no dice');
      },
    });
    await broken.deferral.defer('a');
    await throwing.deferral.defer('b');
    await broken.clock.advance(5000);
    await throwing.clock.advance(5000);

    expect((await broken.deferral.count()).waiting).toBe(1);
    expect(delivered).toEqual(['b']);
    expect([...new Set(told)].toSorted()).toEqual(['isDeferred of deferral', 'random of deferral']);
  });

  it('(3) ends with its context where the outbox hangs, and does not ask it when that has ended', async () => {
    const outbox = memoryOutbox<string>({ maxItems: 1 });
    let asked = 0;
    outbox.add = () => {
      asked++;
      return new Promise(() => {});
    };
    const { clock, deferral } = setUp({ outbox });
    const outcome = errorOf(deferral.defer('a', Context.withClock(clock).withTimeout(50)));
    await clock.advance(50);

    expect(await outcome).toMatchObject({ name: 'TimeoutError' });
    const ended = Context.background.withCancel();
    ended.cancel('gone');
    expect(await errorOf(deferral.defer('a', ended))).toBe('gone');
    expect(asked).toBe(1);
  });

  it('passes on what the outbox and keyOf throw, unchanged', async () => {
    const outbox = memoryOutbox<string>({ maxItems: 1 });
    const [down, broken] = [new Error('down'), new Error('broken')];
    outbox.add = () => Promise.reject(down);
    const { deferral } = setUp({ outbox });
    const { deferral: other } = setUp({
      keyOf: () => {
        throw broken;
      },
    });

    expect(await errorOf(deferral.defer('a'))).toBe(down);
    expect(await errorOf(other.defer('a'))).toBe(broken);
  });

  it.each([[''], ['x'.repeat(129)], [undefined], [7]])('refuses the key %j', async (key) => {
    const { deferral } = setUp({ keyOf: () => key as string });

    expect(await errorOf(deferral.defer('a'))).toMatchObject({ name: 'ConfigError' });
    expect((await deferral.count()).waiting).toBe(0);
  });

  it('refuses what is no context', async () => {
    const { deferral } = setUp();

    expect(await errorOf(deferral.defer('a', new AbortController().signal as never))).toEqual(
      new TypeError('defer needs a Context; make one of a signal with Context.from(signal)'),
    );
    expect((await deferral.count()).waiting).toBe(0);
  });

  it('accepts work also after close', async () => {
    const { deferral } = setUp();
    await deferral.close();

    expect(await deferral.defer('a')).toEqual({ key: 'a', isNew: true });
  });

  it.each([
    [{ maxPerSecond: 0 }],
    [{ maxPerSecond: Infinity }],
    [{ deliver: 1 }],
    [{ keyOf: undefined }],
    [{ isDeferred: true }],
    [{ onDead: 1 }],
    [{ outbox: {} }],
    [{ maxAttempts: 0 }],
    [{ minDeadAfterMs: -1 }],
    [{ minDeadAfterMs: Infinity }],
    [{ lookEveryMs: 1 }],
    [{ maxPauseMs: 0 }],
    [{ leaseMarginMs: 0 }],
    [{ outboxTimeoutMs: 0 }],
    [{ outboxTimeoutMs: Infinity }],
    [{ deliveryTimeoutMs: 0 }],
    [{ name: '' }],
  ])('refuses the options %j', (options) => {
    expect(() => setUp(options as never)).toThrow('deferral.');
  });
});
