import { describe, expect, it } from 'vitest';

import {
  CancelledError,
  ConfigError,
  Context,
  createEvents,
  isRejection,
  isResilienceError,
  onHookError,
} from '@holdfast/core';
import { recordEvents, seededRandom, settle, virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { type DegradationOptions, createDegradation } from './degradation.ts';
import { FeatureError } from './feature-error.ts';
import { type FeatureStore, memoryStore } from './feature-store.ts';
import { featureRecord } from './testing/records.ts';

const features = defineFeatures({
  recommendations: { modes: ['full', 'cached', 'off'], owner: 'growth', notice: 'May be out of date.' },
  checkout: { modes: ['full', 'deferred'], essential: true },
});
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };
const back = { actor: 'bob', reason: 'over' };
const calendar = Date.UTC(2026, 0, 1);
let seed = 1;

function setUp(options: Partial<DegradationOptions> = {}) {
  const clock = virtualClock();
  const wallClock = () => calendar + clock.now();
  const random = seededRandom(seed++); // no two instances share their randomness
  const degradation = createDegradation({ clock, wallClock, random, ...options, features });
  return { clock, degradation, recorder: recordEvents(degradation.events) };
}

function refusalOf(act: () => unknown): FeatureError {
  try {
    act();
  } catch (error) {
    if (error instanceof FeatureError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('createDegradation', () => {
  it('(1) reads modes from memory, without a promise, by name and by handle', () => {
    const { degradation } = setUp();
    const handle = degradation.handle('recommendations');
    expect([degradation.mode('recommendations'), handle.mode, handle.name]).toEqual([
      'full',
      'full',
      'recommendations',
    ]);

    degradation.set('recommendations', 'off', change);

    expect([degradation.mode('recommendations'), handle.mode]).toEqual(['off', 'off']);
  });

  it('(2) ends an override at its expiry, on both sides of the moment', async () => {
    const { degradation, clock } = setUp();
    degradation.set('checkout', 'deferred', { ...change, expiresInMs: 86_400_000 });

    await clock.advance(86_399_999);
    expect(degradation.mode('checkout')).toBe('deferred');
    await clock.advance(1);

    expect(degradation.mode('checkout')).toBe('full');
  });

  it('tells who changed what, why and until when', async () => {
    const { degradation, clock } = setUp();
    await clock.advance(1000);

    const returned = degradation.set('recommendations', 'cached', change);
    await clock.advance(500);

    const [status, other] = degradation.list();
    const override = {
      id: 'manual/force/*/*',
      kind: 'force',
      source: 'manual',
      mode: 'cached',
      actor: 'alice',
      reason: 'INC-4711',
      scope: {},
      match: [],
      shareRatio: 1,
      seed: 'recommendations',
      isRestoring: false,
      setAt: '2026-01-01T00:00:01.000Z',
      expiresAt: '2026-01-01T00:01:01.000Z',
      remainingMs: 59_500,
    };
    expect(returned.override?.remainingMs).toBe(60_000);
    expect(status).toEqual({
      name: 'recommendations',
      modes: ['full', 'cached', 'off'],
      mode: 'cached',
      defaultMode: 'full',
      decidedBy: 'manual',
      owner: 'growth',
      notice: 'May be out of date.',
      essential: false,
      revision: 1,
      level: 0,
      override,
      overrides: [override],
      conflicts: [],
      served: { full: 0, cached: 0, off: 0 },
    });
    expect(other).toMatchObject({ name: 'checkout', essential: true, revision: 0, override: undefined });
    expect(degradation.status('recommendations')).toEqual(status);
  });

  it('announces each change once, and audits the same', async () => {
    const { degradation, clock, recorder } = setUp();

    degradation.set('recommendations', 'cached', change);
    degradation.set('recommendations', 'off', { ...change, actor: 'carol' });
    degradation.restore('recommendations', back);
    degradation.set('checkout', 'deferred', change);
    await clock.advance(60_000);
    degradation.mode('checkout');

    const growth = { type: 'feature.changed', policy: 'feature', name: 'recommendations', reason: 'INC-4711' };
    const pay = { ...growth, name: 'checkout', actor: 'alice' };
    expect(recorder.events).toEqual([
      { ...growth, from: 'full', to: 'cached', actor: 'alice', revision: 1, cause: 'set' },
      { ...growth, from: 'cached', to: 'off', actor: 'carol', revision: 2, cause: 'set' },
      { ...growth, from: 'off', to: 'full', actor: 'bob', reason: 'over', revision: 3, cause: 'restored' },
      { ...pay, from: 'full', to: 'deferred', revision: 1, cause: 'set' },
      { ...pay, from: 'deferred', to: 'full', revision: 1, cause: 'expired' },
    ]);
    const audited = degradation.audit().map(({ feature: name, from, to, actor, reason, revision, cause }) => {
      return { type: 'feature.changed', policy: 'feature', name, from, to, actor, reason, revision, cause };
    });
    expect(audited).toEqual(recorder.events);
    expect(degradation.audit().at(-1)?.at).toBe('2026-01-01T00:01:00.000Z');
  });

  it('keeps as many audit entries as it was told to', () => {
    const { degradation } = setUp({ maxAuditEntries: 2 });

    for (let count = 0; count < 5; count++) degradation.set('checkout', 'deferred', change);

    expect(degradation.audit().map(({ revision }) => revision)).toEqual([4, 5]);
  });

  it('audits an expiry that no timer has announced and nobody has read', () => {
    const { degradation, clock } = setUp();
    degradation.set('checkout', 'deferred', change);
    clock.now = () => 60_000;

    expect(degradation.audit().map(({ cause }) => cause)).toEqual(['set', 'expired']);
  });

  it('extends an override by setting it again, as a change of its own', async () => {
    const { degradation, clock } = setUp();
    degradation.set('checkout', 'deferred', change);
    await clock.advance(59_999);

    degradation.set('checkout', 'deferred', change);
    await clock.advance(59_999);

    expect(degradation.mode('checkout')).toBe('deferred');
    expect(degradation.status('checkout').revision).toBe(2);
  });

  it('restores nothing where nothing was set', () => {
    const { degradation, recorder } = setUp();

    const status = degradation.restore('checkout', back);

    expect([status.revision, recorder.events.length, degradation.audit().length]).toEqual([0, 0, 0]);
  });

  it('makes a change only at the revision that was asked for', async () => {
    const { degradation, clock } = setUp();
    degradation.set('checkout', 'deferred', { ...change, ifRevision: 0 });

    const refusal = refusalOf(() => degradation.restore('checkout', { ...back, ifRevision: 0 }));
    await clock.advance(60_000); // an expiry is no change of revision

    expect(refusal).toMatchObject({ code: 'STALE_REVISION', revision: 1, field: 'ifRevision' });
    expect(refusalOf(() => degradation.set('checkout', 'deferred', { ...change, ifRevision: 2 })).revision).toBe(1);
    expect(degradation.restore('checkout', { ...back, ifRevision: 1 }).revision).toBe(1);
  });

  it.each<[string, string | undefined, string, string, unknown]>([
    ['UNKNOWN_FEATURE', undefined, 'nothing', 'off', change],
    ['UNKNOWN_FEATURE', undefined, 'toString', 'off', change],
    ['UNKNOWN_MODE', 'mode', 'checkout', 'off', change],
    ['UNKNOWN_MODE', 'mode', 'checkout', undefined as never, change],
    ['INVALID_CHANGE', undefined, 'checkout', 'deferred', undefined],
    ['INVALID_CHANGE', undefined, 'checkout', 'deferred', [change]],
    ['INVALID_CHANGE', 'until', 'checkout', 'deferred', { ...change, until: 1 }],
    ...['', ' ', 'a\nb', 'a\u2028b', 5, undefined, null, 'x'.repeat(201)].map(
      (actor) => ['INVALID_CHANGE', 'actor', 'checkout', 'deferred', { ...change, actor }] as never,
    ),
    ...['', 'a\u0000', undefined, 'x'.repeat(501)].map(
      (reason) => ['INVALID_CHANGE', 'reason', 'checkout', 'deferred', { ...change, reason }] as never,
    ),
    ...[0, -1, 0.5, 86_400_001, Infinity, Number.NaN, '60000', undefined].map(
      (expiresInMs) => ['INVALID_CHANGE', 'expiresInMs', 'checkout', 'deferred', { ...change, expiresInMs }] as never,
    ),
    ...[-1, 0.5, '0', null].map(
      (ifRevision) => ['INVALID_CHANGE', 'ifRevision', 'checkout', 'deferred', { ...change, ifRevision }] as never,
    ),
    ['STALE_REVISION', 'ifRevision', 'checkout', 'deferred', { ...change, ifRevision: 7 }],
  ])('(3) refuses with %s %s and changes nothing: %s %s %j', (...[code, field, name, mode, given]) => {
    const { degradation, recorder, clock } = setUp();
    degradation.set('checkout', 'deferred', change);
    const before = [degradation.list(), degradation.audit(), recorder.events.length, clock.pendingCount];

    const refusal = refusalOf(() => degradation.set(name as 'checkout', mode as 'full', given as never));

    expect(refusal).toMatchObject({ code, field, name: 'FeatureError' });
    expect(isResilienceError(refusal) && !isRejection(refusal)).toBe(true);
    expect([degradation.list(), degradation.audit(), recorder.events.length, clock.pendingCount]).toEqual(before);
  });

  it('(3) refuses a restoration that gives no reason, or names what it does not know', () => {
    const { degradation } = setUp();
    degradation.set('checkout', 'deferred', change);

    const refusals = [
      refusalOf(() => degradation.restore('checkout', { actor: 'bob' } as never)),
      refusalOf(() => degradation.restore('checkout', change)),
      refusalOf(() => degradation.restore('nothing' as never, back)),
    ];

    expect(refusals.map(({ code, field }) => [code, field])).toEqual([
      ['INVALID_CHANGE', 'reason'],
      ['INVALID_CHANGE', 'expiresInMs'],
      ['UNKNOWN_FEATURE', undefined],
    ]);
    expect(degradation.mode('checkout')).toBe('deferred');
  });

  it('says what is wrong in words', () => {
    const { degradation } = setUp();
    const messageOf = (act: () => unknown) => refusalOf(act).message;

    expect(messageOf(() => degradation.mode('reco' as never))).toBe(
      'there is no feature "reco"; there are recommendations, checkout',
    );
    expect(messageOf(() => degradation.set('checkout', 'off' as never, change))).toBe(
      'checkout has no mode "off"; it has full, deferred',
    );
    expect(messageOf(() => degradation.set('checkout', 'deferred', { ...change, expiresInMs: 0 }))).toBe(
      'checkout.expiresInMs must be an integer from 1 to 86400000, got 0',
    );
    expect(messageOf(() => degradation.restore('checkout', { actor: 'bob' } as never))).toBe(
      'checkout.reason must be one line of 1 to 500 characters, but it is missing',
    );
  });

  it('(4) agrees with another instance on the same store at once', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const [one, other] = [setUp({ clock, store }), setUp({ clock, store })];
    await Promise.all([one.degradation.loaded, other.degradation.loaded]);

    one.degradation.set('recommendations', 'off', change);
    expect(other.degradation.mode('recommendations')).toBe('off');
    other.degradation.restore('recommendations', back);

    expect(one.degradation.list()).toEqual(other.degradation.list());
    expect(one.recorder.events).toEqual(other.recorder.events);
    expect(one.degradation.mode('recommendations')).toBe('full');
  });

  it('(4) takes over, in an instance that comes later, what is in force and for how long', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    setUp({ clock, store }).degradation.set('checkout', 'deferred', change);
    await clock.advance(20_000);

    const { degradation, recorder } = setUp({ clock, store });
    await degradation.loaded;

    expect(degradation.status('checkout').override).toMatchObject({ actor: 'alice', remainingMs: 40_000 });
    expect(recorder.types).toEqual(['feature.changed']);
    await clock.advance(40_000);
    expect(degradation.mode('checkout')).toBe('full');
  });

  it('(5) changes a mode at once, whatever the store does', () => {
    const store = {
      load: () => new Promise<never>(() => {}),
      save: () => Promise.reject(new Error('down')),
      listen: () => () => {},
    };
    const { degradation } = setUp({ store });

    expect(degradation.set('checkout', 'deferred', change).mode).toBe('deferred');
    expect(degradation.mode('checkout')).toBe('deferred');
  });

  it('(6) leaves no timer after close; modes are read and expire, changes are refused', async () => {
    const { degradation, clock, recorder } = setUp();
    degradation.set('checkout', 'deferred', change);
    await settle();

    degradation.close();
    degradation.close();

    expect(clock.pendingCount).toBe(0);
    expect(degradation.mode('checkout')).toBe('deferred');
    expect(refusalOf(() => degradation.set('checkout', 'deferred', change)).code).toBe('CLOSED');
    expect(refusalOf(() => degradation.restore('checkout', back)).code).toBe('CLOSED');
    await clock.advance(60_000);
    expect(degradation.mode('checkout')).toBe('full');
    expect(recorder.types).toHaveLength(2);
  });

  it('survives a listener that throws', () => {
    const before = onHookError(() => {});
    const { degradation } = setUp();
    degradation.events.listen(() => {
      throw new Error('listener');
    });

    const status = degradation.set('checkout', 'deferred', change);
    onHookError(before);

    expect([status.mode, degradation.audit().length]).toEqual(['deferred', 1]);
  });

  it('tells on the events that it was given', () => {
    const events = createEvents();

    expect(setUp({ events }).degradation.events).toBe(events);
  });

  it.each([
    [{ maxAuditEntries: 0 }, 'degradation.maxAuditEntries must be an integer from 1 to 100000, got 0'],
    [{ storeTimeoutMs: 60_001 }, 'degradation.storeTimeoutMs must be an integer from 1 to 60000, got 60001'],
    [{ storeRetryMs: Number.NaN }, 'degradation.storeRetryMs must be an integer from 1 to 3600000, got NaN'],
    [{ wallClock: 5 }, 'degradation.wallClock must be a function, got 5'],
    [{ store: {} }, 'degradation.store.load must be a function, got an object'],
    [{ features: {} }, 'degradation.features must be what defineFeatures() returned, got an object'],
  ])('refuses the options %j', (options, message) => {
    expect(() => createDegradation({ features, ...options } as never)).toThrow(ConfigError);
    expect(() => createDegradation({ features, ...options } as never)).toThrow(message);
  });

  it.each([null, 'eu', 5, [], { zone: 'x' }, { region: 5 }, { region: '' }, { instance: 'a\nb' }])(
    'refuses the place %j, and says what one is',
    (place) => {
      const attempt = () => createDegradation({ features, place } as never);

      expect(attempt).toThrow(ConfigError);
      expect(attempt).toThrow('degradation.place must be an object of region and instance');
    },
  );

  it('takes a place of a region, an instance, both and neither', () => {
    for (const place of [{}, { region: 'eu' }, { instance: 'a-1', region: undefined }, undefined])
      expect(setUp({ ...(place !== undefined && { place }) }).degradation.isClosed).toBe(false);
  });

  it('ignores what is no record in what a store loads, tells it, and takes and gives the others', async () => {
    const record = featureRecord(1, {}, { feature: 'recommendations' });
    const saved: string[] = [];
    const store: FeatureStore = {
      load: () => Promise.resolve([null, record, 5, undefined] as never),
      save: (one) => Promise.resolve((saved.push(one.feature), one)),
      listen: () => () => {},
    };
    const { degradation, recorder } = setUp({ store: { ...store, save: () => Promise.reject(new Error('not yet')) } });
    const other = setUp({ store });
    other.degradation.set('checkout', 'deferred', change);
    await Promise.all([degradation.loaded, other.degradation.loaded]);
    await settle();

    expect(degradation.mode('recommendations')).toBe('off');
    expect(degradation.storeStatus()).toMatchObject({ state: 'live', failureCount: 3, pendingCount: 0 });
    const told = recorder.events.filter(({ type }) => type === 'feature.store-failed');
    expect(told.map((event) => String((event as unknown as { error: unknown }).error))).toEqual(
      Array.from({ length: 3 }, () => 'TypeError: the store delivered something that is not a feature record'),
    );
    expect([saved, other.degradation.storeStatus().state]).toEqual([['checkout'], 'live']);
  });

  it('refuses options that are none, or unknown', () => {
    expect(() => createDegradation(undefined as never)).toThrow(ConfigError);
    expect(() => createDegradation({ features, sotre: 1 } as never)).toThrow(/no option "sotre"; it knows .*clock/);
  });

  it('refuses a calendar that tells no time, and changes nothing', () => {
    const { degradation } = setUp({ wallClock: () => Number.NaN });

    expect(() => degradation.set('checkout', 'deferred', change)).toThrow(ConfigError);
    expect(degradation.status('checkout')).toMatchObject({ mode: 'full', revision: 0 });
  });

  it('takes the platform for what is left out', () => {
    const degradation = createDegradation({ features });
    const before = Date.now();

    const { override } = degradation.set('checkout', 'deferred', { ...change, expiresInMs: 86_400_000 });
    degradation.close();

    expect(Date.parse(override?.setAt ?? '')).toBeGreaterThanOrEqual(before);
  });
});

describe('degradation.feature', () => {
  const user = { id: 'u1' };

  it('runs the implementation of the mode in force with context and arguments, and counts it', async () => {
    const { degradation } = setUp();
    const recommend = degradation.feature('recommendations', {
      full: (context, id: string) => Promise.resolve([context, id]),
      cached: (_context, id) => `cached for ${id}`,
      off: () => [],
    });
    const context = Context.background.withTimeout(1000);

    expect(await recommend(context, user.id)).toEqual([context, 'u1']);
    degradation.set('recommendations', 'cached', change);
    expect(await recommend(context, user.id)).toBe('cached for u1');
    await recommend(context, user.id);
    degradation.set('recommendations', 'off', change);
    expect(await recommend(context, user.id)).toEqual([]);

    expect(degradation.status('recommendations').served).toEqual({ full: 1, cached: 2, off: 1 });
  });

  it('gives back the error of the implementation by identity, thrown or rejected', async () => {
    const { degradation } = setUp();
    const [thrown, rejected] = [new Error('thrown'), new Error('rejected')];
    const pay = degradation.feature('checkout', {
      full: () => {
        throw thrown;
      },
      deferred: () => Promise.reject(rejected),
    });

    await expect(pay(Context.background)).rejects.toBe(thrown);
    degradation.set('checkout', 'deferred', change);
    await expect(pay(Context.background)).rejects.toBe(rejected);
    expect(degradation.status('checkout').served).toEqual({ full: 1, deferred: 1 });
  });

  it('starts nothing and counts nothing under a context that has ended, and ends with one that ends', async () => {
    const { degradation } = setUp();
    const pay = degradation.feature('checkout', { full: () => new Promise(() => {}), deferred: () => 1 });
    const context = Context.background.withCancel();
    const cause = new CancelledError();

    const running = pay(context);
    context.cancel(cause);

    await expect(running).rejects.toBe(cause);
    await expect(pay(context)).rejects.toBe(cause);
    expect(degradation.status('checkout').served).toEqual({ full: 1, deferred: 0 });
  });

  it.each<[unknown, string]>([
    [{ full: () => 1 }, 'checkout.deferred must be a function, got undefined'],
    [{ full: () => 1, deferred: 'later' }, 'checkout.deferred must be a function, got "later"'],
    [
      { full: () => 1, deferred: () => 1, off: () => 1 },
      'checkout must be implemented for full, deferred only, got "off"',
    ],
    [undefined, 'checkout.full must be a function'],
  ])('refuses the implementations %j', (implementations, message) => {
    const { degradation } = setUp();

    expect(() => featureOf(degradation, 'checkout', implementations)).toThrow(ConfigError);
    expect(() => featureOf(degradation, 'checkout', implementations)).toThrow(message);
  });

  it('refuses a feature that is not there', () => {
    const { degradation } = setUp();

    expect(refusalOf(() => featureOf(degradation, 'toString', {})).code).toBe('UNKNOWN_FEATURE');
    expect(refusalOf(() => degradation.handle('nothing' as never)).code).toBe('UNKNOWN_FEATURE');
  });
});

/** `degradation.feature` for callers whom no compiler checks. */
function featureOf(degradation: object, name: string, implementations: unknown): unknown {
  return (degradation as { feature(name: string, given: unknown): unknown }).feature(name, implementations);
}
