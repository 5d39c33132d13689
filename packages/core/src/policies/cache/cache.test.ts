import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { UNREAD } from '../../kernel/clock.ts';
import { Context, contextKey } from '../../kernel/context.ts';
import { type HookError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { invoke } from '../../kernel/handler.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, byHand, counter, never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type Cache, type CacheOptions, cache } from './cache.ts';

const topic = contextKey<string>('topic');
const tea = Context.background.withValue(topic, 'tea');
const milk = Context.background.withValue(topic, 'milk');
const boom = new Error('boom');
const fail = (): Promise<never> => Promise.reject(boom);
function make(clock: VirtualClock, options: Partial<CacheOptions> = {}): Cache {
  return cache({ keyOf: (context) => context.value(topic), ttlMs: 100, expiryJitterRatio: 0, clock, ...options });
}
describe('cache', () => {
  let clock: VirtualClock;
  let hookErrors: HookError[];

  beforeEach(() => {
    clock = virtualClock();
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('(1) gives a value until it is ttlMs old, and not a moment longer', async () => {
    const policy = make(clock);
    const count = counter();

    expect(await policy.execute(count, tea)).toBe(1);
    await clock.advance(99.999);
    expect(await policy.execute(count, tea)).toBe(1);
    await clock.advance(0.001);
    expect(await policy.execute(count, tea)).toBe(2);
    expect(policy.snapshot()).toMatchObject({ hits: 1, misses: 2, size: 1 });
  });

  it('keeps one value per key, and none without a key', async () => {
    const policy = make(clock);
    const count = counter();

    expect(await policy.execute(count, tea)).toBe(1);
    expect(await policy.execute(count, milk)).toBe(2);
    expect(await policy.execute(count)).toBe(3);
    expect(await policy.execute(count)).toBe(4);
    expect(await policy.execute(count, milk)).toBe(2);
    expect(policy.snapshot()).toMatchObject({ hits: 1, misses: 2, size: 2 });
  });

  it.each([undefined, null, 0, '', false, Number.NaN])('(2) keeps %s as well', async (value) => {
    const policy = make(clock);
    const count = counter();

    for (let round = 0; round < 2; round++) expect(await policy.execute(() => (count(), value), tea)).toBe(value);
    expect(count.runs).toBe(1);
  });

  it('(2) gives the very value', async () => {
    const policy = make(clock);
    const value = { price: 42 };

    await policy.execute(() => value, tea);
    expect(await policy.execute(never, tea)).toBe(value);
    expect(policy.peek('tea')?.value).toBe(value);
  });

  it('expires values by a share of their own', async () => {
    const shares = [0, 0.5];
    const policy = make(clock, { expiryJitterRatio: 0.4, random: () => shares.shift() as number });
    const count = counter();
    await policy.execute(count, tea);
    await policy.execute(count, milk);

    await clock.advance(79);
    expect([policy.peek('tea')?.isFresh, policy.peek('milk')?.isFresh]).toEqual([true, true]);
    await clock.advance(1);
    expect([policy.peek('tea')?.isFresh, policy.peek('milk')?.isFresh]).toEqual([true, undefined]);
  });

  describe('charter G5: when callers abort', () => {
    it('(3), (5) runs once, and tells each at once of its own end', async () => {
      const policy = make(clock);
      const next = byHand();
      const [one, two] = [tea.withCancel(), tea.withCancel()];
      const calls = [one, two].map((context) => observe(policy.execute(next.run, context)));

      one.cancel('one left');
      await settle();
      expect(calls[0]?.()).toEqual({ status: 'rejected', error: 'one left' });
      expect(next.contexts[0]?.cancelled).toBe(false);
      next.resolve('value');
      await settle();

      expect(calls[1]?.()).toEqual({ status: 'fulfilled', value: 'value' });
      expect(policy.snapshot()).toMatchObject({ misses: 2, shared: 1, inFlight: 0, size: 1 });
    });

    it('(6) ends the run when the last has left, with its cause, and keeps nothing of it', async () => {
      const policy = make(clock);
      const next = byHand();
      const [one, two] = [tea.withCancel(), tea.withCancel()];
      for (const context of [one, two]) observe(policy.execute(next.run, context));

      one.cancel('one left');
      two.cancel('two left');
      next.resolve('too late');
      await settle();

      expect(next.contexts[0]?.cause).toBe('two left');
      expect(policy.snapshot()).toMatchObject({ size: 0, inFlight: 0 });
    });

    it('(5) never answers them with a stale value', async () => {
      const policy = make(clock, { staleIfErrorMs: 900 });
      await policy.execute(() => 'old', tea);
      await clock.advance(500);
      const caller = tea.withCancel();
      const call = policy.execute(() => (caller.cancel('left'), fail()), caller);

      expect(await settled(call)).toEqual({ status: 'rejected', error: 'left' });
    });

    it('before the call, does not even look', async () => {
      const policy = make(clock);
      await policy.execute(() => 1, tea);

      const ended = Context.from(AbortSignal.abort('gone')).withValue(topic, 'tea');
      expect(await settled(policy.execute(never, ended))).toEqual({ status: 'rejected', error: 'gone' });
      expect(policy.snapshot()).toMatchObject({ hits: 0 });
    });
  });

  it('(5) gives nothing to a call whose context was ended by a layer outside', async () => {
    const policy = make(clock);
    await policy.execute(() => 'kept', tea);
    const context = tea.withCancel();
    context.cancel('left');
    const told: unknown[] = [];
    const tell = (how: string) => (outcome: unknown) => void told.push([how, outcome]);

    const sink = { resolve: tell('resolve'), reject: tell('reject'), refuse: tell('refuse') };
    policy.layer(invoke)(never, context, sink, UNREAD);

    expect(told).toEqual([['refuse', 'left']]);
    expect(policy.snapshot().hits).toBe(0);
  });

  it('does not wait for the run that a call is a part of', async () => {
    const policy = make(clock);
    const call = policy.execute((own) => policy.execute(() => 'inner', own), tea);

    expect(await call).toBe('inner');
  });

  describe('(4) charter A7', () => {
    it('keeps nothing that could never be given', async () => {
      const policy = make(clock, { ttlMs: 0, failureTtlMs: 500 });
      const about = (key: string): Context => Context.background.withValue(topic, key);
      for (const key of ['a', 'b', 'c']) await settled(policy.execute(fail, about(key)));

      await policy.execute(() => 1, tea);

      expect(policy.snapshot().size).toBe(3);
    });

    it('holds at most maxEntries, and drops what was used longest ago', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make(clock, { maxEntries: 2, events });
      const get = (key: string): Promise<unknown> =>
        policy.execute(() => key, Context.background.withValue(topic, key));

      for (const key of ['a', 'b', 'a', 'c']) await get(key);

      expect(['a', 'b', 'c'].map((key) => policy.peek(key)?.value)).toEqual(['a', undefined, 'c']);
      expect(policy.snapshot()).toMatchObject({ size: 2, evictions: 1 });
      expect(recorder.events.at(-1)).toEqual({ type: 'cache.evicted', policy: 'cache', name: 'cache', key: 'b' });
    });

    it('grows nothing in a flood of keys, and lets dead ones go while it works', async () => {
      const policy = make(clock, { maxEntries: 100 });
      let keys = 0;
      const get = (): Promise<unknown> => policy.execute(() => 1, Context.background.withValue(topic, `${keys++}`));

      for (let round = 0; round < 20_000; round++) await get();
      expect(policy.snapshot().size).toBe(100);
      await clock.advance(100);
      for (let round = 0; round < 90; round++) await get();
      expect(policy.snapshot().size).toBe(90);
    });

    it('ends the background run of an entry that goes', async () => {
      const policy = make(clock, { maxEntries: 1, staleWhileRevalidateMs: 50 });
      const next = byHand();
      await policy.execute(() => 'old', tea);
      await clock.advance(120);
      await policy.execute(next.run, tea);

      await policy.execute(() => 1, milk);

      expect(next.contexts[0]?.cancelled).toBe(true);
      expect(policy.snapshot()).toMatchObject({ inFlight: 0, size: 1 });
    });
  });

  describe('(7) when told to forget', () => {
    it.each([
      ['invalidate', (policy: Cache) => policy.invalidate('tea')],
      ['clear', (policy: Cache) => policy.clear()],
    ])('by %s, does so, and does not keep what was asked for before', async (_how, forget) => {
      const policy = make(clock);
      const [before, afterwards] = [byHand(), byHand()];
      await policy.execute(() => 'old', milk);
      const calls = [observe(policy.execute(before.run, tea))];

      forget(policy);
      calls.push(observe(policy.execute(afterwards.run, tea)));
      before.resolve('before');
      await settle();
      expect(policy.peek('tea')).toBeUndefined();
      expect(policy.snapshot().inFlight).toBe(1);
      afterwards.resolve('after');
      await settle();

      expect(calls.map((call) => call())).toMatchObject([{ value: 'before' }, { value: 'after' }]);
      expect(policy.peek('tea')?.value).toBe('after');
    });

    it('ends all that it fetches for itself alone, when it is cleared', async () => {
      const policy = make(clock, { staleWhileRevalidateMs: 50 });
      const next = byHand();
      await policy.execute(() => 'old', tea);
      await clock.advance(120);
      await policy.execute(next.run, tea);

      policy.clear();

      expect(next.contexts[0]?.cancelled).toBe(true);
    });

    it('says whether there was something, and ends what it fetches for itself alone', async () => {
      const policy = make(clock, { staleWhileRevalidateMs: 50 });
      const next = byHand();
      await policy.execute(() => 'old', tea);
      await clock.advance(120);
      await policy.execute(next.run, tea);

      expect([policy.invalidate('tea'), policy.invalidate('tea'), policy.invalidate('milk')]).toEqual([
        true,
        false,
        false,
      ]);
      expect(next.contexts[0]?.cancelled).toBe(true);
    });
  });

  it('peeks without counting a use', async () => {
    const policy = make(clock, { maxEntries: 2, staleIfErrorMs: 50 });
    await policy.execute(() => 1, tea);
    await policy.execute(() => 2, milk);

    await clock.advance(120);
    expect(policy.peek('tea')).toEqual({ value: 1, isFresh: false, ageMs: 120 });
    await policy.execute(() => 3, Context.background.withValue(topic, 'juice'));

    expect(policy.peek('tea')).toBeUndefined();
    expect(policy.snapshot()).toMatchObject({ hits: 0, staleHits: 0 });
    await clock.advance(30);
    expect(policy.peek('milk')).toBeUndefined();
  });

  it('(9) charter B1, D8, L5: sets no timer, ever', async () => {
    const policy = make(clock, { staleWhileRevalidateMs: 50, staleIfErrorMs: 500, failureTtlMs: 10 });

    for (const waitMs of [0, 50, 70, 100, 400, 1000]) {
      await clock.advance(waitMs);
      await settled(policy.execute(waitMs === 100 ? fail : () => 1, tea));
      expect(clock.pendingCount).toBe(0);
    }
  });

  describe('(10) charter C5: keyOf', () => {
    it.each([
      ['throws', () => throwBoom(), boom],
      ['gives a number', () => 7, new TypeError('keyOf must return a string or undefined, got number')],
      ['is async', () => fail(), new TypeError('keyOf must return a string or undefined, got object')],
    ])('that %s is reported, and the call runs uncached', async (_how, keyOf, cause) => {
      const policy = make(clock, { keyOf: keyOf as unknown as () => string });
      const count = counter();

      expect([await policy.execute(count), await policy.execute(count)]).toEqual([1, 2]);
      expect(hookErrors).toMatchObject([
        { hook: 'keyOf', policy: 'cache', cause },
        { hook: 'keyOf', policy: 'cache', cause },
      ]);
    });
  });

  it('charter C3: is the same with listeners that throw', async () => {
    const events = createEvents();
    events.listen(() => {
      throw boom;
    });
    const policy = make(clock, { events, staleIfErrorMs: 900, maxEntries: 1 });

    expect(await policy.execute(() => 'old', tea)).toBe('old');
    await clock.advance(500);
    expect(await policy.execute(fail, tea)).toBe('old');
    expect(await policy.execute(() => 'white', milk)).toBe('white');
    expect(hookErrors.every(({ hook }) => hook === 'listener')).toBe(true);
    expect(policy.snapshot()).toMatchObject({ staleHits: 1, evictions: 1 });
  });

  describe('charter C4: hands on what an operation comes to, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      expect(await settled(make(clock).execute(operation, tea))).toEqual(expected);
    });
  });

  it('charter A3: leaves no listener on a long-lived signal, whoever waited, left or was served', async () => {
    const controller = new AbortController();
    const shared = Context.from(controller.signal).withValue(topic, 'tea');
    const policy = make(clock, { ttlMs: 3, staleWhileRevalidateMs: 1, staleIfErrorMs: 1 });

    for (let round = 0; round < 2000; round++) {
      const own = shared.withCancel();
      const calls = [shared, own, shared].map((context) =>
        settled(policy.execute(() => (round % 4 === 0 ? fail() : after(clock, 0.5, round)), context)),
      );
      own.cancel('enough');
      await clock.advance(1);
      await Promise.all(calls);
    }

    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect(clock.pendingCount).toBe(0);
  });

  it('charter R3: runs the operation in the async context of the call that started the run', async () => {
    const requestId = new AsyncLocalStorage<string>();
    const policy = make(clock, { staleWhileRevalidateMs: 50 });
    const seen: unknown[] = [];
    const note = (): number => seen.push(requestId.getStore());

    await requestId.run('a', () => policy.execute(note, tea));
    await clock.advance(120);
    await requestId.run('b', () => policy.execute(note, tea));

    expect(seen).toEqual(['a', 'b']);
  });

  it('charter N3: does not look at the wall clock', async () => {
    const policy = make(clock);
    await policy.execute(() => 1, tea);

    expect(policy.peek('tea')?.ageMs).toBe(0);
    await clock.advance(40);
    expect(policy.peek('tea')?.ageMs).toBe(40);
  });
});

function throwBoom(): never {
  throw boom;
}
