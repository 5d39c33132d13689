import { beforeEach, describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { byHand, counter, settled } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import { type CacheChanges, type Cache, type CacheOptions, cache, cacheKind } from './cache.ts';

const topic = contextKey<string>('topic');
const tea = Context.background.withValue(topic, 'tea');
const milk = Context.background.withValue(topic, 'milk');
const boom = new Error('boom');
const fail = (): Promise<never> => Promise.reject(boom);
function make(clock: VirtualClock, options: Partial<CacheOptions> = {}): Cache {
  return cache({ keyOf: (context) => context.value(topic), ttlMs: 100, expiryJitterRatio: 0, clock, ...options });
}
describe('cache, told to work otherwise', () => {
  let clock: VirtualClock;

  beforeEach(() => void (clock = virtualClock()));

  describe('(11) charter O1: update', () => {
    it('holds for what is kept already', async () => {
      const policy = make(clock);
      const count = counter();
      await policy.execute(count, tea);
      await policy.execute(count, milk);
      await clock.advance(120);

      policy.update({ ttlMs: 200 });
      expect(await policy.execute(count, tea)).toBe(1);
      policy.update({ maxEntries: 1 });
      expect(policy.snapshot()).toMatchObject({ size: 1, maxEntries: 1, evictions: 1, hits: 1 });
      expect(policy.peek('tea')?.value).toBe(1);
    });

    it('changes nothing when it is refused', () => {
      const policy = make(clock);
      const before = policy.describe();
      const update = (changes: unknown): void => policy.update(changes as CacheChanges);

      expect(verdictOn(update, { ttlMs: 5, maxEntries: 0 })).toContain('ConfigError: cache.maxEntries');
      expect(verdictOn(update, { keyOf: () => 'x' })).toContain('TypeError: cache.update has no option "keyOf"');
      expect(policy.describe()).toEqual(before);
    });

    it('is planned first, and then made on top of what is in force', () => {
      const policy = make(clock);
      const changes = { ttlMs: 5 };
      const apply = policy.planUpdate(changes);
      policy.update({ maxEntries: 7 });
      changes.ttlMs = 6;

      apply();

      expect(policy.describe()).toMatchObject({ options: { ttlMs: 5, maxEntries: 7 } });
    });
  });

  describe('charter O2: enforcement', () => {
    it('observe runs every call, and counts those that it would have answered', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make(clock, {
        enforcement: 'observe',
        staleWhileRevalidateMs: 50,
        staleIfErrorMs: 500,
        failureTtlMs: 10,
        events,
      });
      const count = counter();

      for (const waitMs of [0, 50, 70]) {
        await clock.advance(waitMs);
        await policy.execute(count, tea);
      }
      expect(count.runs).toBe(3);
      await clock.advance(300);
      for (let round = 0; round < 2; round++) await expect(policy.execute(fail, tea)).rejects.toBe(boom);
      for (let round = 0; round < 2; round++) await expect(policy.execute(fail, milk)).rejects.toBe(boom);

      expect(policy.snapshot()).toMatchObject({ observed: 5, hits: 0, staleHits: 0, misses: 0, size: 2 });
      expect(recorder.events.map((event) => [event.type, (event as { reason?: string }).reason])).toEqual([
        ['cache.missed', undefined],
        ['cache.served', undefined],
        ['cache.served', 'revalidating'],
        ['cache.missed', undefined],
        ['cache.served', 'error'],
        ['cache.served', 'error'],
        ['cache.missed', undefined],
      ]);
      expect(recorder.events.every((event) => (event as { enforcement?: string }).enforcement === 'observe')).toBe(
        true,
      );
    });

    it('(5) observe counts no answer for a caller whose deadline passed', async () => {
      const policy = make(clock, { enforcement: 'observe', staleIfErrorMs: 500, failureTtlMs: 500 });
      await policy.execute(() => 'old', tea);
      await clock.advance(200);
      const caller = Context.withClock(clock).withTimeout(10).withValue(topic, 'tea');
      const call = settled(policy.execute(() => new Promise(() => {}), caller));

      await clock.advance(10);

      expect(await call).toEqual({ status: 'rejected', error: caller.cause });
      await policy.execute(() => 'new', tea);
      expect(policy.snapshot().observed).toBe(0);
    });

    it('(7) observe does not keep what was asked for before clear', async () => {
      const policy = make(clock, { enforcement: 'observe' });
      const next = byHand();
      const call = policy.execute(next.run, tea);

      policy.clear();
      next.resolve('old');
      await call;

      expect(policy.peek('tea')).toBeUndefined();
    });

    it('off does nothing, and keeps what it has', async () => {
      const policy = make(clock);
      const count = counter();
      await policy.execute(count, tea);

      policy.update({ enforcement: 'off' });
      expect(await policy.execute(count, tea)).toBe(2);
      policy.update({ enforcement: 'enforce' });
      expect(await policy.execute(count, tea)).toBe(1);
      expect(policy.snapshot()).toMatchObject({ hits: 1, misses: 1, observed: 0 });
    });
  });

  it('describes itself in what JSON can hold', () => {
    expect(make(clock, { staleIfErrorMs: 5 }).describe()).toEqual({
      kind: 'cache',
      name: 'cache',
      enforcement: 'enforce',
      options: {
        keyOf: '[function]',
        ttlMs: 100,
        expiryJitterRatio: 0,
        staleWhileRevalidateMs: 0,
        staleIfErrorMs: 5,
        failureTtlMs: 0,
        maxEntries: 1000,
        classify: '[function]',
      },
      traits: {
        isShared: true,
        hidesFailures: true,
        detachesDeadline: true,
        assumes: 'it stands in no other pipeline',
      },
    });
    expect(make(clock, { staleWhileRevalidateMs: 5 }).describe().traits.runsInBackground).toBe(true);
    expect(cacheKind.create({ keyOf: () => 'a' } as never).kind).toBe('cache');
  });

  describe('options', () => {
    const longestMs = 2_592_000_000;
    const table = optionTable(
      'cache',
      {
        name: { kind: 'name' },
        ttlMs: { kind: 'number', min: 0, max: longestMs },
        expiryJitterRatio: { kind: 'number', min: 0, max: 1 },
        staleWhileRevalidateMs: { kind: 'number', min: 0, max: longestMs },
        staleIfErrorMs: { kind: 'number', min: 0, max: longestMs },
        failureTtlMs: { kind: 'number', min: 0, max: 3_600_000 },
        maxEntries: { kind: 'integer', min: 1, max: 1_000_000 },
        classify: { kind: 'function' },
      },
      { keyOf: () => 'a' },
    );

    it.each(table)('$title', ({ options, expected }) => {
      expect(verdictOn(cache, options)).toBe(expected);
    });

    it('need keyOf, and refuse what they do not know', () => {
      expect(verdictOn(cache, {})).toContain('ConfigError: cache.keyOf must be a function, got undefined');
      expect(verdictOn(cache, { keyOf: () => 'a', ttl: 5 })).toContain('TypeError: cache has no option "ttl"');
      expect(verdictOn(cache, { keyOf: () => 'a', enforcement: 'on' })).toContain('ConfigError: cache.enforcement');
    });
  });
});
