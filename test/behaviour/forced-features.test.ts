/**
 * Features under a store that is in trouble, and features that are held by hand: reads never fail and never wait, and what is
 * forced stays whatever else happens.
 */

import { Context, circuitBreaker, createEvents } from '@holdfast/core';
import { recordEvents, seededRandom, settle, virtualClock } from '@holdfast/core/testing';
import {
  type FeatureStore,
  createBrownout,
  createDegradation,
  defineFeatures,
  followBreakers,
  memoryStore,
  runBrownout,
} from '@holdfast/degradation';
import { describe, expect, it } from 'vitest';

const features = defineFeatures({
  recommendations: { modes: ['full', 'cached', 'off'], onLevel: { 1: 'cached', 3: 'off' } },
  checkout: { modes: ['full', 'deferred'], essential: true },
});
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 3_600_000 };
const never = () => new Promise<never>(() => {});
const down = () => Promise.reject(new Error('down'));

/** Stores in trouble, each over one that works. */
const troubles: readonly (readonly [string, (good: FeatureStore, isBad: () => boolean) => FeatureStore])[] = [
  ['hangs', () => ({ load: never, save: never, listen: () => () => {} })],
  ['fails', () => ({ load: down, save: down, listen: () => () => {} })],
  [
    'throws',
    () => {
      const broken = (): never => {
        throw new Error('broken');
      };
      return { load: broken, save: broken, listen: broken };
    },
  ],
  [
    'delivers rubbish',
    () => ({
      load: async () => [{ feature: 'recommendations' } as never],
      save: async () => 7 as never,
      listen: (tell) => (tell(null as never), () => {}),
    }),
  ],
  [
    'comes and goes',
    (good, isBad) => ({
      load: () => (isBad() ? down() : good.load()),
      save: (record, ...rest) => (isBad() ? never() : good.save(record, ...rest)),
      listen: (listener, ...rest) => good.listen((record) => void (isBad() || listener(record)), ...rest),
    }),
  ],
];

describe('a store in trouble', () => {
  it.each(troubles)('charter U1: that %s fails no read, delays none, and changes no feature', async (_how, make) => {
    const clock = virtualClock();
    const random = seededRandom(11);
    const store = make(memoryStore({ clock }), () => random() < 0.5);
    const degradation = createDegradation({ features, store, clock, random, wallClock: () => 0, storeRetryMs: 100 });
    const handle = degradation.handle('recommendations');
    degradation.set('recommendations', 'cached', { ...change, expiresInMs: 30_000 });
    let isStarted = false;
    void degradation.loaded.then(() => (isStarted = true));

    for (let at = 0; at < 60_000; at += 250) {
      const mode = at < 30_000 ? 'cached' : 'full';
      const reads = [handle.mode, handle.read().mode, degradation.mode('recommendations')];
      expect([at, ...reads, handle.match({ full: () => 'full', cached: () => 'cached', off: () => 'off' })]).toEqual([
        at,
        ...Array.from({ length: 4 }, () => mode),
      ]);
      await clock.advance(250);
      if (at >= 500) expect([isStarted, degradation.storeStatus().state === 'connecting']).toEqual([true, false]);
    }
    expect(degradation.audit().map(({ cause }) => cause)).toEqual(['set', 'expired']);
    degradation.close();
    await settle();
    expect(clock.pendingCount).toBe(0);
  });
});

describe('a mode that is forced', () => {
  it('charter O2: stays whatever level, controllers, breakers and calls do, until its expiry and not after', async () => {
    const clock = virtualClock();
    const events = createEvents();
    const degradation = createDegradation({ features, clock, events, random: seededRandom(4), wallClock: () => 0 });
    const breaker = circuitBreaker({
      name: 'recommender',
      clock,
      minimumCalls: 1,
      window: { kind: 'count', size: 10 },
    });
    const stop = followBreakers(degradation, {
      features: { recommendations: { dependsOn: ['recommender'], mode: 'off' } },
      stateOf: () => breaker.state,
      clock,
    });
    const recommend = degradation.feature('recommendations', { full: down, cached: () => 1, off: () => 0 });
    degradation.set('recommendations', 'full', {
      ...change,
      role: 'break-glass',
      source: 'break-glass',
      expiresInMs: 900_000,
    });
    await breaker.execute(down).catch(() => {});
    expect(breaker.state).toBe('open');

    for (let at = 0; at < 900_000; at += 10_000) {
      degradation.setLevel(4, { actor: 'brownout', reason: 'shedRatio is 0.6' });
      degradation.setAutomatic('recommendations', 'off', { actor: 'dimmer', reason: 'slow' });
      await recommend(Context.background).catch(() => {});
      expect([at, degradation.mode('recommendations')]).toEqual([at, 'full']);
      await clock.advance(10_000);
    }

    expect(degradation.mode('recommendations')).toBe('off'); // what all the others ask for
    stop();
    degradation.close();
  });

  it('charter O2: is the worst one as well, and a ladder starts there', async () => {
    const clock = virtualClock();
    const degradation = createDegradation({ features, clock, random: seededRandom(4), wallClock: () => 0 });
    degradation.set('recommendations', 'off', change);
    let asked = 0;
    const ask = () => ++asked;

    const recommend = degradation.ladder('recommendations', { full: ask, cached: ask, off: () => 'nothing' });

    expect(await Promise.all(Array.from({ length: 100 }, () => recommend(Context.background)))).toEqual(
      Array.from({ length: 100 }, () => 'nothing'),
    );
    expect(asked).toBe(0);
    await clock.advance(3_600_000);
    expect(await recommend(Context.background)).toBe(1);
    degradation.close();
  });
});

describe('a brownout that is only observed', () => {
  it('charter O2: tells what it would do, and does nothing', async () => {
    const clock = virtualClock();
    const events = createEvents();
    const { events: told } = recordEvents(events);
    const degradation = createDegradation({ features, clock, random: seededRandom(4), wallClock: () => 0 });
    const brownout = createBrownout({ events });
    const runner = runBrownout(brownout, { clock, read: () => ({ shedRatio: 0.6 }) }); // no `apply`

    await clock.advance(20_000);

    expect([brownout.level, brownout.levelFor('ada')]).toEqual([4, 4]);
    expect(told.map(({ type }) => type)).toContain('brownout.shown');
    expect([degradation.level().level, degradation.mode('recommendations')]).toEqual([0, 'full']);
    runner.stop();
    degradation.close();
    expect(clock.pendingCount).toBe(0);
  });
});
