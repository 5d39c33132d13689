import { describe, expect, it } from 'vitest';

import { onHookError } from '@holdfast/core';
import { recordEvents, seededRandom, settle, virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { type DegradationOptions, createDegradation } from './degradation.ts';
import type { FeatureError } from './feature-error.ts';
import { memoryStore } from './feature-store.ts';
import type { ModeChange } from './mode-change.ts';
import { signature } from './sha256.ts';

const features = defineFeatures({
  reco: { modes: ['full', 'cached', 'off'], onLevel: { 1: 'cached', 3: 'off' }, maxOverrideMs: 3_600_000 },
});
const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };
const back = { actor: 'bob', reason: 'over' };
const auto = { actor: 'brownout', reason: 'shed ratio' };
let seed = 1;

function setUp(options: Omit<Partial<DegradationOptions>, 'features'> = {}) {
  const clock = virtualClock();
  const random = seededRandom(seed++);
  const degradation = createDegradation({ clock, random, wallClock: () => clock.now(), ...options, features });
  return { clock, degradation, recorder: recordEvents(degradation.events) };
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as FeatureError).code;
  }
}

describe('overrides', () => {
  it('take one slot per source, kind, scope and target', () => {
    const { degradation } = setUp();
    const kinds: Partial<ModeChange>[] = [
      {},
      { shareRatio: 0.5 },
      { kind: 'atLeast' },
      { source: 'schedule' },
      { match: [{ attribute: 'tier', in: ['free'] }] },
      { scope: { region: 'eu' } },
    ];
    for (const kind of kinds) degradation.set('reco', 'cached', { ...change, ...kind });

    const { overrides, revision } = degradation.status('reco');
    expect(overrides.map(({ id }) => id)).toEqual([
      'manual/force/*/*',
      'manual/atLeast/*/*',
      'schedule/force/*/*',
      'manual/force/*/*/[{"attribute":"tier","in":["free"]}]',
    ]);
    expect(revision).toBe(6);
    degradation.restore('reco', { ...back, id: 'manual/force/*/*' });
    expect(degradation.status('reco').overrides).toHaveLength(3);
    degradation.restore('reco', back);
    expect(degradation.status('reco').overrides).toEqual([]);
  });

  it('are for a share of the keys, the same ones every time, and more when the share is raised', () => {
    const { degradation } = setUp();
    const handle = degradation.handle('reco');
    const degraded = () =>
      Array.from({ length: 2000 }, (_, n) => `user-${n}`).filter((key) => handle.read(undefined, { key }).isDegraded);
    degradation.set('reco', 'off', { ...change, shareRatio: 0.1 });
    const some = degraded();
    expect(degraded()).toEqual(some);
    degradation.set('reco', 'off', { ...change, shareRatio: 0.3 });
    const more = degraded();

    expect(some.length / 2000).toBeCloseTo(0.1, 1);
    expect(more.length / 2000).toBeCloseTo(0.3, 1);
    expect(some.every((key) => more.includes(key))).toBe(true);
  });

  it('are for one region or instance, where they say so', () => {
    const { degradation } = setUp({ place: { region: 'eu', instance: 'shop-1' } });
    degradation.set('reco', 'cached', change);
    degradation.set('reco', 'off', { ...change, scope: { region: 'us' } });
    expect(degradation.status('reco').mode).toBe('cached');

    degradation.set('reco', 'off', { ...change, scope: { region: 'eu' } });
    degradation.set('reco', 'full', { ...change, scope: { instance: 'shop-1' } });

    expect(degradation.status('reco').mode).toBe('full');
  });

  it('(1) (2) are refused without a trace where they are wrong', () => {
    const { degradation, recorder } = setUp();
    degradation.set('reco', 'cached', { ...change, ifRevision: 0 });
    const before = JSON.stringify([degradation.list(), degradation.audit(), recorder.events]);
    const wrong: [string, object][] = [
      ['INVALID_CHANGE', { kind: 'most' }],
      ['INVALID_CHANGE', { source: 'automatic' }],
      ['INVALID_CHANGE', { source: 'schedule', kind: 'atMost' }],
      ['INVALID_CHANGE', { shareRatio: 0 }],
      ['INVALID_CHANGE', { shareRatio: 1.1 }],
      ['INVALID_CHANGE', { shareRatio: Number.NaN }],
      ['INVALID_CHANGE', { match: [{ attribute: 'a' }] }],
      ['INVALID_CHANGE', { scope: { zone: 'a' } }],
      ['INVALID_CHANGE', { restore: { shareRatios: [1], stepMs: 5 } }],
      ['INVALID_CHANGE', { role: 'root' }],
      ['INVALID_CHANGE', { expiresInMs: 3_600_001 }],
      ['INVALID_CHANGE', { expiresInMs: 900_001, source: 'break-glass', role: 'break-glass' }],
      ['FORBIDDEN', { role: 'viewer' }],
      ['FORBIDDEN', { source: 'break-glass' }],
      ['FORBIDDEN', { source: 'break-glass', role: 'operator' }],
      ['STALE_REVISION', { ifRevision: 0 }],
    ];

    for (const [code, more] of wrong)
      expect([more, codeOf(() => degradation.set('reco', 'off', { ...change, ...more }))]).toEqual([more, code]);
    expect(JSON.stringify([degradation.list(), degradation.audit(), recorder.events])).toBe(before);
  });

  it('let an operator not outbid controllers, and break-glass outbid everybody', () => {
    const { degradation } = setUp();
    degradation.setLevel(2, auto);
    const force = (role: 'operator' | 'break-glass') => () => degradation.set('reco', 'full', { ...change, role });

    expect(codeOf(force('operator'))).toBe('FORBIDDEN');
    expect(codeOf(() => degradation.set('reco', 'off', { ...change, role: 'operator' }))).toBeUndefined();
    expect(codeOf(force('break-glass'))).toBeUndefined();
    expect(degradation.mode('reco')).toBe('full');
    degradation.set('reco', 'off', { ...change, source: 'break-glass', role: 'break-glass' });
    expect(codeOf(() => degradation.restore('reco', { ...back, role: 'operator' }))).toBe('FORBIDDEN');
    expect(degradation.status('reco')).toMatchObject({ mode: 'off', decidedBy: 'break-glass' });
  });

  it('tell conflicts', () => {
    const { degradation } = setUp();
    degradation.set('reco', 'off', { ...change, kind: 'atLeast' });
    degradation.set('reco', 'cached', { ...change, kind: 'atMost' });

    const { mode, conflicts } = degradation.status('reco');

    expect([mode, conflicts]).toEqual(['off', [['manual/atLeast/*/*', 'manual/atMost/*/*']]]);
  });

  it('are at most 32', () => {
    const { degradation } = setUp();
    const set = (n: number) => () =>
      degradation.set('reco', 'off', { ...change, match: [{ attribute: 'n', in: [n] }] });

    for (let n = 0; n < 32; n++) expect(codeOf(set(n))).toBeUndefined();
    expect(codeOf(set(32))).toBe('TOO_MANY_OVERRIDES');
    expect(codeOf(set(31))).toBeUndefined();
  });

  it('are taken back in steps, at their expiry and when restored, unless it is to be at once', async () => {
    let isCalm = true;
    const { degradation, clock } = setUp({ random: () => 0.5, mayRestore: () => isCalm });
    const restore = { shareRatios: [0.5, 0.1], stepMs: 1000 };
    const share = () => degradation.status('reco').overrides[0]?.shareRatio ?? 0;
    degradation.set('reco', 'off', { ...change, restore });
    await clock.advance(60_000);
    expect([share(), degradation.status('reco').overrides[0]?.isRestoring]).toEqual([0.5, true]);
    isCalm = false;
    await clock.advance(1000);
    expect(share()).toBe(0.5);
    isCalm = true;
    await clock.advance(1000);
    expect(share()).toBe(0.1);
    await clock.advance(1000);
    expect([share(), clock.pendingCount]).toEqual([0, 0]);

    degradation.set('reco', 'off', { ...change, restore });
    degradation.restore('reco', back);
    await clock.advance(0);
    expect(share()).toBe(0.5);
    degradation.restore('reco', { ...back, isAtOnce: true });
    await settle();
    expect([share(), clock.pendingCount]).toEqual([0, 0]);
  });
});

describe('a way back', () => {
  it('of another override goes on when one is taken back at once, here and in another instance', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const [one, other] = [setUp({ clock, store }), setUp({ clock, store })];
    await settle();
    const restore = { shareRatios: [0.5], stepMs: 1000 };
    one.degradation.set('reco', 'off', { ...change, restore });
    one.degradation.set('reco', 'cached', { ...change, kind: 'atLeast', restore });
    one.degradation.restore('reco', { ...back, id: 'manual/force/*/*' });
    const shown = ({ degradation }: ReturnType<typeof setUp>) =>
      degradation.status('reco').overrides.map(({ id, isRestoring }) => [id, isRestoring]);
    expect(shown(one)).toEqual([
      ['manual/atLeast/*/*', false],
      ['manual/force/*/*', true],
    ]);

    one.degradation.restore('reco', { ...back, id: 'manual/atLeast/*/*', isAtOnce: true });
    await settle();
    for (const each of [one, other]) expect(shown(each)).toEqual([['manual/force/*/*', true]]);

    const { revision } = one.degradation.status('reco');
    one.degradation.restore('reco', { ...back, id: 'manual/atLeast/*/*', isAtOnce: true });
    expect(one.degradation.status('reco').revision).toBe(revision);

    one.degradation.restore('reco', { ...back, id: 'manual/force/*/*', isAtOnce: true });
    await settle();
    for (const each of [one, other]) expect(shown(each)).toEqual([]);
  });
});

describe('functions that are handed in', () => {
  it('may fail: a hash that throws holds up neither a change nor an expiry', async () => {
    const hash = () => {
      throw new Error('no entropy');
    };
    const reported = collectHookErrors();
    const { degradation, clock, recorder } = setUp({ hash });

    expect(degradation.set('reco', 'off', change)).toMatchObject({ mode: 'off', revision: 1 });
    await clock.advance(60_000);

    expect([degradation.mode('reco'), degradation.audit().map(({ cause }) => cause)]).toEqual([
      'full',
      ['set', 'expired'],
    ]);
    expect(recorder.types).toEqual(['feature.changed', 'feature.changed']);
    expect(reported.stop()).toEqual(['hash', 'hash']);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no breaker');
      },
    ],
    ['promises false', () => Promise.resolve(false)],
    ['promises true', () => Promise.resolve(true)],
    ['rejects', () => Promise.reject(new Error('no breaker'))],
    ['says nothing', () => undefined],
  ])('may fail: no step back is taken on a guard that %s, until the way back is over', async (_what, guard) => {
    const reported = collectHookErrors();
    const { degradation, clock } = setUp({ mayRestore: guard as () => boolean });
    const share = () => degradation.status('reco').overrides[0]?.shareRatio ?? 0;
    degradation.set('reco', 'off', { ...change, restore: { shareRatios: [0.5], stepMs: 1000 } });

    await clock.advance(65_000);
    expect(share()).toBe(1);
    await clock.advance(15_000);
    expect(share()).toBe(0);
    expect(new Set(reported.stop())).toEqual(new Set(['mayRestore']));
  });
});

describe('controllers', () => {
  it('degrade by level, a share at a time, and are audited where the mode changes', async () => {
    const { degradation, clock } = setUp();
    const handle = degradation.handle('reco');
    const share = () =>
      Array.from({ length: 2000 }, (_, n) => `u${n}`).filter((key) => handle.read(undefined, { key }).isDegraded)
        .length / 2000;
    degradation.setLevel(0.3, auto);
    expect([share() > 0.25 && share() < 0.35, degradation.mode('reco')]).toEqual([true, 'full']);
    degradation.setLevel(1, { ...auto, expiresInMs: 5000 });
    degradation.setLevel(1, { ...auto, expiresInMs: 5000 });
    expect([share(), handle.read().decidedBy, handle.read().reason]).toEqual([1, 'level', 'shed ratio']);
    await clock.advance(5000);

    expect([share(), degradation.level().level, clock.pendingCount]).toEqual([0, 0, 0]);
    expect(degradation.audit().map(({ cause, to, actor }) => [cause, to, actor])).toEqual([
      ['automatic', 'cached', 'brownout'],
      ['automatic', 'full', 'brownout'],
    ]);
  });

  it('ask for one feature until they cease to', async () => {
    const { degradation, clock } = setUp();
    degradation.setAutomatic('reco', 'off', { ...auto, expiresInMs: 1000 });
    expect(degradation.status('reco')).toMatchObject({ mode: 'off', decidedBy: 'automatic', revision: 0 });
    degradation.setAutomatic('reco', undefined, auto);
    expect(degradation.mode('reco')).toBe('full');
    degradation.setAutomatic('reco', 'off', { ...auto, expiresInMs: 1000 });
    await clock.advance(1000);

    expect(degradation.mode('reco')).toBe('full');
    expect(codeOf(() => degradation.setAutomatic('reco', 'none', auto))).toBe('UNKNOWN_MODE');
    expect(codeOf(() => degradation.setLevel(5, auto))).toBe('INVALID_CHANGE');
  });
});

describe('a fleet and a restart', () => {
  it('tells of a change that another one has overwritten', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const one = setUp({ clock, store, random: () => 0.1 });
    const other = setUp({ clock, store: { ...late(store) }, random: () => 0.9 });
    one.degradation.set('reco', 'cached', change);
    other.degradation.set('reco', 'off', { ...change, actor: 'carol' });
    await settle();

    expect(one.degradation.mode('reco')).toBe('off');
    expect(one.recorder.events.find(({ type }) => type === 'feature.overwritten')).toMatchObject({
      name: 'reco',
      actor: 'alice',
      byActor: 'carol',
    });
  });

  it.each([1, 2, 3])('tells of a change made while cut off, where another made %i meanwhile', async (count) => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const link = cutOff(store);
    const one = setUp({ clock, store: link.store, random: () => 0.1, storeRetryMs: 100 });
    const other = setUp({ clock, store, random: () => 0.9 });
    await settle();
    link.isUp = false;
    one.degradation.set('reco', 'cached', change);
    for (let n = 0; n < count; n++) other.degradation.set('reco', 'off', { ...change, actor: 'bob' });
    await settle();
    link.isUp = true;
    await clock.advance(1000);

    expect(one.degradation.status('reco').override?.actor).toBe('bob');
    expect(overwritten(one)).toEqual([['alice', 'bob', count]]);
    expect(overwritten(other)).toEqual([]);
  });

  it('tells of each change that is lost, and of none that the other one carries on', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const link = cutOff(store);
    const one = setUp({ clock, store: link.store, random: () => 0.1, storeRetryMs: 100 });
    const other = setUp({ clock, store, random: () => 0.9 });
    await settle();
    one.degradation.set('reco', 'cached', change);
    await settle();
    other.degradation.set('reco', 'off', { ...change, actor: 'bob' });
    await settle();
    expect(overwritten(one)).toEqual([]);

    link.isUp = false;
    one.degradation.set('reco', 'cached', { ...change, kind: 'atMost' });
    one.degradation.restore('reco', { actor: 'carol', reason: 'over' });
    for (let n = 0; n < 5; n++) other.degradation.set('reco', 'off', { ...change, actor: 'bob' });
    await settle();
    link.isUp = true;
    await clock.advance(1000);
    expect(overwritten(one)).toEqual([
      ['alice', 'bob', 7],
      ['carol', 'bob', 7],
    ]);
  });

  it('tells of nothing where the change reached the others, although its answer was lost', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const link = cutOff(store);
    const one = setUp({ clock, store: link.store, random: () => 0.1, storeRetryMs: 100 });
    const other = setUp({ clock, store, random: () => 0.9 });
    await settle();
    link.isDeaf = true;
    one.degradation.set('reco', 'cached', change);
    await settle();
    other.degradation.set('reco', 'off', { ...change, kind: 'atLeast', actor: 'bob' });
    await settle();
    link.isDeaf = false;
    await clock.advance(1000);

    expect(one.degradation.status('reco').overrides.map(({ actor }) => actor)).toEqual(['alice', 'bob']);
    expect(overwritten(one)).toEqual([]);
  });

  it('tells of a change before the store was loaded that the store, or the last known good, overtakes', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const kept = { text: '' };
    const lastKnownGood = {
      load: () => Promise.resolve(kept.text),
      save: (text: string) => Promise.resolve(void (kept.text = text)),
    };
    const before = setUp({ clock, store, lastKnownGood });
    await settle();
    for (let n = 0; n < 2; n++) before.degradation.set('reco', 'off', { ...change, actor: 'bob' });
    await clock.advance(1000);

    const slow = { ...lastKnownGood, load: () => after(5, kept.text) };
    const fresh = [
      setUp({ clock, store: { ...late(store) } }),
      setUp({ clock, lastKnownGood }),
      setUp({ clock, lastKnownGood: slow }), // its own store has the change by then
    ] as const;
    for (const { degradation } of fresh) degradation.set('reco', 'cached', change);
    await after(10, undefined);

    for (const one of fresh) {
      expect(one.degradation.status('reco').override?.actor).toBe('bob');
      expect(overwritten(one)).toEqual([['alice', 'bob', 2]]);
    }
  });

  it('knows after a restart without a store what it knew before, less what has passed', async () => {
    let disk: string | undefined;
    const lastKnownGood = {
      load: () => Promise.resolve(disk),
      save: (text: string) => Promise.resolve(void (disk = text)),
    };
    const clock = virtualClock();
    const broken = {
      load: () => Promise.reject(new Error('down')),
      save: () => new Promise<never>(() => {}),
      listen: () => () => {},
    };
    const options = {
      clock,
      wallClock: () => clock.now(),
      store: broken,
      lastKnownGood,
      seal: signature('a secret of the fleet'),
    };
    setUp(options).degradation.set('reco', 'off', change);
    await clock.advance(20_000);

    const { degradation } = setUp(options);
    await settle();
    expect(degradation.status('reco').override).toMatchObject({ mode: 'off', remainingMs: 40_000 });

    const forged = setUp({ ...options, seal: signature('a secret of the others') });
    await settle();
    expect(forged.degradation.mode('reco')).toBe('full');
    expect(forged.recorder.events).toContainEqual(expect.objectContaining({ operation: 'load-last-known-good' }));
  });
});

/** A store whose notices this instance hears, but never in time. */
function late(store: ReturnType<typeof memoryStore>) {
  return { load: () => store.load(), save: store.save.bind(store), listen: () => () => {} };
}

/** Resolves with `value` after as many turns. */
async function after<T>(turns: number, value: T): Promise<T> {
  // oxlint-disable-next-line no-await-in-loop -- one turn after the other
  for (let turn = 0; turn < turns; turn++) await settle();
  return value;
}

/** Collects the names of hooks whose errors are reported, until it is stopped. */
function collectHookErrors(): { readonly stop: () => readonly string[] } {
  const reported: string[] = [];
  const before = onHookError(({ hook }) => reported.push(hook));
  return {
    stop: () => {
      onHookError(before);
      return reported;
    },
  };
}

/** A store that can be out of reach, or take what is sent and not be heard. */
function cutOff(store: ReturnType<typeof memoryStore>) {
  const link = { isUp: true, isDeaf: false, store };
  const ask = async <T>(request: () => Promise<T>): Promise<T> => {
    if (!link.isUp) throw new Error('down');
    const answer = await request();
    if (link.isDeaf) throw new Error('the answer was lost');
    return answer;
  };
  link.store = {
    ...store,
    load: () => ask(() => store.load()),
    save: (record, made) => ask(() => store.save(record, made)),
    listen: (listener) => store.listen((record) => link.isUp && !link.isDeaf && listener(record)),
  };
  return link;
}

/** What an instance told of its changes that are lost: whose, by whose, and the revision of that. */
function overwritten({ recorder }: ReturnType<typeof setUp>): readonly unknown[] {
  const told = recorder.events.filter((event) => event.type === 'feature.overwritten');
  return (told as unknown as Record<string, unknown>[]).map(({ actor, byActor, revision }) => [
    actor,
    byActor,
    revision,
  ]);
}
