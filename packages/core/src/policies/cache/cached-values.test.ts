import { beforeEach, describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { sourced } from '../../kernel/provenance.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { byHand, never, observe, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { fallback } from '../fallback/fallback.ts';
import { type Cache, type CacheOptions, cache, cacheKind } from './cache.ts';

const topic = contextKey<string>('topic');
const at = (key: string): Context => Context.background.withValue(topic, key);
const [tea, milk] = [at('tea'), at('milk')];
const boom = new Error('boom');
const fail = (): Promise<never> => Promise.reject(boom);

/** A context that ends as soon as somebody waits for its end. */
function endingWhenWatched(context: Context): Context {
  const signal = { aborted: false, reason: undefined as unknown, removeEventListener: () => {} };
  const addEventListener = (): unknown => Object.assign(signal, { aborted: true, reason: 'gone' });
  return context.withSignal(Object.assign(signal, { addEventListener }));
}

describe('what a cache keeps', () => {
  let clock: VirtualClock;
  const make = (options: Partial<CacheOptions> = {}): Cache =>
    cache({ keyOf: (context) => context.value(topic), ttlMs: 100, expiryJitterRatio: 0, clock, ...options });

  beforeEach(async () => {
    clock = virtualClock();
    await clock.advance(1000);
  });

  it('comes with where it is from and how old it is', async () => {
    const policy = make({ staleWhileRevalidateMs: 50, staleIfErrorMs: 900, failureTtlMs: 20 });
    const ask = (operation: () => unknown) => sourced(policy, operation, tea);

    expect(await ask(() => 'old')).toMatchObject({ value: 'old', source: 'primary' });
    await clock.advance(40);
    expect(await ask(never)).toMatchObject({ value: 'old', source: 'cached', policy: 'cache', ageMs: 40 });
    await clock.advance(80);
    expect(await ask(fail)).toMatchObject({ source: 'stale', reason: 'revalidating', ageMs: 120 });
    await settle();
    expect(await ask(never)).toMatchObject({ source: 'stale', reason: 'error', ageMs: 120 });
    await clock.advance(100);
    expect(await ask(fail)).toMatchObject({ source: 'stale', reason: 'error', ageMs: 220 });
  });

  it('comes with where it was from before it was kept', async () => {
    const policy = pipeline(make(), fallback({ substitute: () => 'instead' }));

    for (const source of ['fallback', 'fallback'])
      expect(await sourced(policy, fail, tea)).toMatchObject({ value: 'instead', source });
  });

  it('is given for a result that counts as a failure, and that is told', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const classify = (outcome: Outcome) =>
      outcome.status === 'fulfilled' && outcome.value === 503 ? 'failure' : 'success';
    const policy = make({ staleIfErrorMs: 900, events, classify });
    await policy.execute(() => 'old', tea);
    await clock.advance(500);

    expect(await policy.execute(() => 503, tea)).toBe('old');
    expect(recorder.events.at(-1)).toMatchObject({ source: 'stale', reason: 'result', ageMs: 500 });
  });

  it('counts as evicted for want of room only', async () => {
    const policy = make({ maxEntries: 1 });
    await policy.execute(() => 1, tea);
    policy.invalidate('tea');
    await policy.execute(() => 1, tea);
    policy.clear();
    expect(policy.snapshot().evictions).toBe(0);

    for (const context of [tea, milk]) await policy.execute(() => 1, context);
    expect(policy.snapshot().evictions).toBe(1);
  });

  it('(7) is not the failure of a run from before it was told to forget', async () => {
    const policy = make({ failureTtlMs: 500 });
    const next = byHand();
    const call = observe(policy.execute(next.run, tea));
    policy.invalidate('tea');
    next.reject(boom);
    await settle();

    expect(call()).toEqual({ status: 'rejected', error: boom });
    expect(await policy.execute(() => 'again', tea)).toBe('again');
  });

  it('(8) has no place for failures where none are remembered', async () => {
    const policy = make();
    await settled(policy.execute(fail, tea));

    expect(policy.snapshot()).toMatchObject({ size: 0, refreshFailures: 0 });
  });

  it('(8) lets failures go that are over when others come', async () => {
    const policy = make({ failureTtlMs: 10 });
    for (let key = 0; key < 50; key++) {
      await settled(policy.execute(fail, at(`key-${key}`)));
      await clock.advance(10);
    }

    expect(policy.snapshot().size).toBeLessThan(5);
  });

  it('is no newer for a failure: what was used longest ago goes first', async () => {
    const policy = make({ maxEntries: 2, failureTtlMs: 10, staleIfErrorMs: 900 });
    for (const context of [tea, milk]) await policy.execute(() => 'old', context);
    policy.update({ staleIfErrorMs: 0, staleWhileRevalidateMs: 900 });
    await clock.advance(500);
    const next = byHand();
    observe(policy.execute(next.run, tea)); // used: milk is the oldest now
    observe(policy.execute(never, milk)); // and tea again
    next.reject(boom);
    await settle();
    await policy.execute(() => 'new', at('water'));

    expect([policy.peek('tea'), policy.peek('milk')?.value]).toEqual([undefined, 'old']);
  });

  it('draws no random number where all expire alike', async () => {
    const policy = make({ random: () => expect.unreachable() });

    expect(await policy.execute(() => 'value', tea)).toBe('value');
  });

  it('(6) goes on in the background when a call joins that is over before it waits', async () => {
    const policy = make({ staleWhileRevalidateMs: 50 });
    const next = byHand();
    await policy.execute(() => 'old', tea);
    await clock.advance(120);
    await policy.execute(next.run, tea);
    await clock.advance(50); // too old to be given: who comes now waits
    const gone = await settled(policy.execute(never, endingWhenWatched(tea)));
    next.resolve('new');
    await settle();

    expect(gone).toEqual({ status: 'rejected', error: 'gone' });
    expect(policy.peek('tea')?.value).toBe('new');
  });

  it('starts no run for a call that is over before it waits', async () => {
    const policy = make();
    const next = byHand();

    expect(await settled(policy.execute(next.run, endingWhenWatched(tea)))).toEqual({
      status: 'rejected',
      error: 'gone',
    });
    expect([next.contexts, policy.snapshot().inFlight]).toEqual([[], 0]);
  });

  it.each(['resolve', 'reject'] as const)(
    'counts no failure of a refresh that it ended itself, and that %ss afterwards',
    async (how) => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make({ staleWhileRevalidateMs: 50, events });
      const next = byHand();
      await policy.execute(() => 'old', tea);
      await clock.advance(120);
      await policy.execute(next.run, tea);
      policy.invalidate('tea');
      next[how](boom);
      await settle();

      expect(policy.snapshot()).toMatchObject({ refreshes: 1, refreshFailures: 0, inFlight: 0, size: 0 });
      expect(recorder.events.filter(({ type }) => type.startsWith('cache.refresh'))).toEqual([]);
    },
  );

  it('has no key, and nobody is told of that, where keyOf gives none', async () => {
    const policy = make();

    expect(await policy.execute(() => 1)).toBe(1);
    expect(policy.snapshot()).toMatchObject({ misses: 0, size: 0 });
  });

  it('hides failures and reaches beyond deadlines only where it may', () => {
    const traitsOf = (options: Partial<CacheOptions>) => make(options).describe().traits;

    expect(traitsOf({})).toEqual({
      isShared: true,
      hidesFailures: false,
      detachesDeadline: true,
      assumes: 'it stands in no other pipeline',
    });
    expect(traitsOf({ enforcement: 'observe', staleIfErrorMs: 5, staleWhileRevalidateMs: 5 })).toEqual({
      isShared: true,
      hidesFailures: false,
    });
    expect(cacheKind).toMatchObject({ kind: 'cache', required: ['keyOf'] });
  });
});

describe('a cache that observes', () => {
  let clock: VirtualClock;
  beforeEach(async () => {
    clock = virtualClock();
    await clock.advance(1000);
  });

  function observing(options: Partial<CacheOptions> = {}) {
    const events = createEvents();
    const recorder = recordEvents(events);
    const rules = { ttlMs: 100, expiryJitterRatio: 0, staleIfErrorMs: 300, failureTtlMs: 20 };
    const policy = cache({
      keyOf: (context) => context.value(topic),
      enforcement: 'observe',
      clock,
      events,
      ...rules,
      ...options,
    });
    let seen = 0;
    const told = () => {
      const fresh = recorder.events.slice(seen);
      seen += fresh.length;
      return fresh.map((event) => ({ ...event, type: event.type.slice('cache.'.length) }));
    };
    return { policy, told };
  }

  it('tells what it would have given, and how old that is', async () => {
    const { policy, told } = observing();
    const call = (operation: () => unknown) => settled(policy.execute(operation, tea));
    await call(() => 'old');
    expect(told()).toMatchObject([{ type: 'missed' }]);
    await clock.advance(40);
    await call(() => 'new');
    expect(told()).toMatchObject([{ type: 'served', source: 'cached', ageMs: 40, enforcement: 'observe' }]);
    await clock.advance(80);
    await call(fail);
    expect(told()).toMatchObject([
      { type: 'missed' },
      { type: 'served', source: 'stale', reason: 'error', ageMs: 120 },
    ]);
    await call(fail);
    expect(told()).toMatchObject([{ type: 'served', source: 'stale', reason: 'error', ageMs: 120 }]);
    await clock.advance(280);
    await call(fail);

    expect(told()).toMatchObject([{ type: 'missed' }]);
    expect(policy.snapshot()).toMatchObject({ observed: 3, hits: 0, staleHits: 0, failureHits: 0 });
  });

  it('keeps what would have been kept: successes, with where they are from', async () => {
    const classify = (outcome: Outcome) =>
      outcome.status === 'rejected' || outcome.value === 'meanwhile' ? 'ignored' : 'success';
    const { policy } = observing({ classify });
    await policy.execute(() => 'meanwhile', tea);
    await settled(policy.execute(fail, tea));
    expect(policy.snapshot()).toMatchObject({ size: 0 });

    const inside = pipeline(policy, fallback({ substitute: () => 'instead' }));
    await inside.execute(fail, tea);
    policy.update({ enforcement: 'enforce' });
    expect(await sourced(policy, never, tea)).toMatchObject({ value: 'instead', source: 'cached' });
  });

  it('remembers no failure that was refused, or is from before it was told to forget', async () => {
    const { policy } = observing();
    const next = byHand();
    const call = observe(policy.execute(next.run, tea));
    policy.invalidate('tea');
    next.reject(boom);
    await settle();
    expect([call().status, policy.snapshot().size]).toEqual(['rejected', 0]);

    const inner = cache({ keyOf: () => 'a', failureTtlMs: 900, clock });
    await settled(inner.execute(fail));
    const outcome = await settled(pipeline(policy, inner).execute(never, tea));
    expect([outcome, policy.snapshot().size]).toEqual([{ status: 'rejected', error: boom }, 0]);
  });
});
