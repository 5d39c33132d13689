/**
 * Misuse of features from outside, by callers whom no compiler checks: each is refused with an error that says what is wrong,
 * and nothing is another afterwards: no mode, no revision, no audit entry, no event, nothing in the store, on the disk or
 * among the timers.
 */

import { createEvents, isResilienceError } from '@holdfast/core';
import { recordEvents, seededRandom, settle, virtualClock } from '@holdfast/core/testing';
import {
  type FeatureErrorCode,
  type FeatureStore,
  createDegradation,
  defineFeatures,
  memoryStore,
  signature,
} from '@holdfast/degradation';
import { describe, expect, it } from 'vitest';

const features = defineFeatures({
  recommendations: {
    modes: ['full', 'cached', 'off'],
    params: { cached: { limit: 5, sort: 'best' } },
    onLevel: { 1: 'cached', 3: 'off' },
    maxOverrideMs: 3_600_000,
  },
  checkout: { modes: ['full', 'deferred'], essential: true },
});
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };
const back = { actor: 'bob', reason: 'it is over' };
const says = { actor: 'brownout', reason: 'shedRatio is 0.2' };
const seal = signature('a secret of the fleet');

/** What any caller can see, with names and values of any kind. */
type Control = Record<
  'set' | 'restore' | 'setLevel' | 'setAutomatic' | 'mode' | 'handle' | 'status' | 'feature' | 'ladder',
  (...given: unknown[]) => unknown
>;

async function setUp(more: { store?: FeatureStore } = {}) {
  const clock = virtualClock();
  const events = createEvents();
  const recorder = recordEvents(events);
  const store = more.store ?? memoryStore({ clock });
  const saved: string[] = [];
  const lastKnownGood = { load: () => Promise.resolve(undefined), save: async (text: string) => void saved.push(text) };
  const ports = { clock, events, random: seededRandom(5), wallClock: () => clock.now() };
  const degradation = createDegradation({ features, store, lastKnownGood, seal, ...ports });
  await degradation.loaded;
  degradation.set('recommendations', 'cached', { ...change, kind: 'atLeast' });
  degradation.setLevel(3, { ...says, expiresInMs: 300_000 });
  await clock.advance(1000);
  const everything = async () => {
    await settle();
    return JSON.stringify({
      list: degradation.list(),
      audit: degradation.audit(),
      level: degradation.level(),
      store: [degradation.storeStatus(), await store.load()],
      events: recorder.events.length,
      saved,
      timers: clock.pendingCount,
      reads: ['a', 'b', 'c'].map((key) => degradation.handle('recommendations').read(undefined, { key })),
    });
  };
  return { clock, degradation, control: degradation as unknown as Control, everything };
}

function errorOf(act: () => unknown): unknown {
  try {
    return ['was not refused, and gave', act()];
  } catch (error) {
    return error;
  }
}

type Misuse = readonly [what: string, act: (control: Control) => unknown, code: FeatureErrorCode, message: string];

const set = (more: object, mode: unknown = 'off', name: unknown = 'recommendations') => {
  return (control: Control) => control.set(name, mode, { ...change, ...more });
};
const without = (field: keyof typeof change) => {
  return (control: Control) => control.set('recommendations', 'off', { ...change, [field]: undefined });
};
const expiry = 'recommendations.expiresInMs must be an integer from 1 to 3600000';
const share = 'recommendations.shareRatio must be a number above 0, up to 1';

// oxfmt-ignore
const misuses: readonly Misuse[] = [
  ['an unknown feature', set({}, 'off', 'recomendations'), 'UNKNOWN_FEATURE', 'there is no feature "recomendations"; there are'],
  ['a feature by what objects inherit', set({}, 'off', 'constructor'), 'UNKNOWN_FEATURE', 'no feature "constructor"'],
  ['no feature', set({}, 'off', null), 'UNKNOWN_FEATURE', 'there is no feature null'],
  ['an unknown mode', set({}, 'of'), 'UNKNOWN_MODE', 'recommendations has no mode "of"; it has full, cached, off'],
  ["another feature's mode", set({}, 'deferred'), 'UNKNOWN_MODE', 'has no mode "deferred"'],
  ['a mode by its position', set({}, 1), 'UNKNOWN_MODE', 'has no mode 1'],
  ['no change at all', (control) => control.set('recommendations', 'off'), 'INVALID_CHANGE', 'must be an object'],
  ['no expiry', without('expiresInMs'), 'INVALID_CHANGE', `${expiry}, but it is missing`],
  ['an expiry of 0', set({ expiresInMs: 0 }), 'INVALID_CHANGE', `${expiry}, got 0`],
  ['an expiry that is past', set({ expiresInMs: -60_000 }), 'INVALID_CHANGE', `${expiry}, got -60000`],
  ['an expiry that is NaN', set({ expiresInMs: Number.NaN }), 'INVALID_CHANGE', `${expiry}, got NaN`],
  ['an expiry that never comes', set({ expiresInMs: Infinity }), 'INVALID_CHANGE', `${expiry}, got Infinity`],
  ['an expiry beyond the bound of the feature', set({ expiresInMs: 3_600_001 }), 'INVALID_CHANGE', `${expiry}, got 3600001`],
  ['an expiry as a text', set({ expiresInMs: '60000' }), 'INVALID_CHANGE', `${expiry}, got "60000"`],
  ['an expiry as an instant', set({ expiresAt: 1_800_000_000_000 }), 'INVALID_CHANGE', 'has no field "expiresAt"; it knows'],
  ['no actor', without('actor'), 'INVALID_CHANGE', 'actor must be one line of 1 to 200 characters, but it is missing'],
  ['no reason', without('reason'), 'INVALID_CHANGE', 'reason must be one line of 1 to 500 characters, but it is missing'],
  ['a reason of two lines', set({ reason: 'a\nb' }), 'INVALID_CHANGE', 'reason must be one line'],
  ['a share of 0', set({ shareRatio: 0 }), 'INVALID_CHANGE', `${share}, got 0`],
  ['a share below 0', set({ shareRatio: -0.1 }), 'INVALID_CHANGE', `${share}, got -0.1`],
  ['a share above 1', set({ shareRatio: 1.01 }), 'INVALID_CHANGE', `${share}, got 1.01`],
  ['a share in per cent', set({ shareRatio: 30 }), 'INVALID_CHANGE', `${share}, got 30`],
  ['a share that is NaN', set({ shareRatio: Number.NaN }), 'INVALID_CHANGE', `${share}, got NaN`],
  ['a share as a text', set({ shareRatio: '0.5' }), 'INVALID_CHANGE', `${share}, got "0.5"`],
  ['an unknown kind', set({ kind: 'atmost' }), 'INVALID_CHANGE', 'kind must be one of force, atLeast, atMost'],
  ["a controller's source", set({ source: 'automatic' }), 'INVALID_CHANGE', 'source must be one of manual'],
  ['a scope that nothing has', set({ scope: { zone: 'a' } }), 'INVALID_CHANGE', 'scope must be an object of region and'],
  ['a condition with two tests', set({ match: [{ attribute: 'a', in: [1], above: 2 }] }), 'INVALID_CHANGE', 'match must be'],
  ['a condition on NaN', set({ match: [{ attribute: 'a', above: Number.NaN }] }), 'INVALID_CHANGE', 'match must be'],
  ['a way back that rises', set({ restore: { shareRatios: [0.1, 0.5], stepMs: 1 } }), 'INVALID_CHANGE', 'falling shareRatios'],
  ['a parameter that the mode lacks', set({ params: { limit: 3 } }), 'INVALID_CHANGE', 'params.limit must be one of none'],
  ['a parameter of another type', set({ params: { limit: '3' } }, 'cached'), 'INVALID_CHANGE', 'params.limit must be a number'],
  ['a stale revision', set({ ifRevision: 0 }), 'STALE_REVISION', 'is at revision 1, not 0: it has changed meanwhile'],
  ['a revision of the future', set({ ifRevision: 2 }), 'STALE_REVISION', 'is at revision 1, not 2'],
  ['a revision that is NaN', set({ ifRevision: Number.NaN }), 'INVALID_CHANGE', 'ifRevision must be an integer, 0 or more'],
  ['a viewer', set({ role: 'viewer' }), 'FORBIDDEN', 'a viewer changes nothing'],
  ['an operator who outbids the controllers', set({ role: 'operator' }, 'full'), 'FORBIDDEN', 'needs the role break-glass'],
  ['break-glass without the role', set({ source: 'break-glass' }), 'FORBIDDEN', 'break-glass needs the role break-glass'],
  ['break-glass of an operator', set({ source: 'break-glass', role: 'operator' }), 'FORBIDDEN', 'needs the role break-glass'],
  ['break-glass for long', set({ source: 'break-glass', role: 'break-glass', expiresInMs: 900_001 }), 'INVALID_CHANGE', 'from 1 to 900000'],
  ['an unknown role', set({ role: 'root' }), 'INVALID_CHANGE', 'role must be one of viewer, operator, break-glass'],
  ['to restore what is not there', (control) => control.restore('reco', back), 'UNKNOWN_FEATURE', 'no feature "reco"'],
  ['to restore without a reason', (control) => control.restore('recommendations', { actor: 'bob' }), 'INVALID_CHANGE', 'reason must be'],
  ['to restore by a stale revision', (control) => control.restore('recommendations', { ...back, ifRevision: 0 }), 'STALE_REVISION', 'not 0'],
  ['to restore as a viewer', (control) => control.restore('recommendations', { ...back, role: 'viewer' }), 'FORBIDDEN', 'a viewer'],
  ['to restore with an expiry', (control) => control.restore('recommendations', change), 'INVALID_CHANGE', 'no field "expiresInMs"'],
  ['a level above 4', (control) => control.setLevel(4.1, says), 'INVALID_CHANGE', 'level must be a number from 0 to 4, got 4.1'],
  ['a level that is NaN', (control) => control.setLevel(Number.NaN, says), 'INVALID_CHANGE', 'level must be a number from 0 to 4, got NaN'],
  ['a level without a change', (control) => control.setLevel(1), 'INVALID_CHANGE', 'level.change must be an object'],
  ['a level of nobody', (control) => control.setLevel(1, { reason: 'load' }), 'INVALID_CHANGE', 'actor must be one line'],
  ['a level for ever', (control) => control.setLevel(1, { ...says, expiresInMs: Infinity }), 'INVALID_CHANGE', 'from 1 to 300000'],
  ['a controller with an unknown mode', (control) => control.setAutomatic('recommendations', 'of', says), 'UNKNOWN_MODE', 'no mode "of"'],
  ['a controller that is nobody', (control) => control.setAutomatic('recommendations', 'off', {}), 'INVALID_CHANGE', 'actor must be'],
  ['a controller of nothing', (control) => control.setAutomatic('reco', 'off', says), 'UNKNOWN_FEATURE', 'no feature "reco"'],
  ['to read what is not there', (control) => control.mode('reco'), 'UNKNOWN_FEATURE', 'no feature "reco"'],
  ['a handle of what is not there', (control) => control.handle('reco'), 'UNKNOWN_FEATURE', 'no feature "reco"'],
  ['functions of what is not there', (control) => control.feature('reco', {}), 'UNKNOWN_FEATURE', 'no feature "reco"'],
];

describe('misuse of features', () => {
  it.each(misuses)('is refused, and changes nothing: %s', async (_what, act, code, message) => {
    const { control, everything } = await setUp();
    const before = await everything();

    const error = errorOf(() => act(control));

    expect(error).toMatchObject({ name: 'FeatureError', code, message: expect.stringContaining(message) as string });
    expect(isResilienceError(error)).toBe(true);
    expect(await everything()).toBe(before);
  });

  it('is refused after close, and changes nothing', async () => {
    const { control, degradation } = await setUp();
    degradation.close();
    const before = JSON.stringify([degradation.list(), degradation.audit()]);

    for (const act of [set({}), (one: Control) => one.restore('recommendations', back)])
      expect(errorOf(() => act(control))).toMatchObject({ code: 'CLOSED' });

    expect(JSON.stringify([degradation.list(), degradation.audit()])).toBe(before);
  });

  it('shows with what it compares that it would notice a change', async () => {
    const { degradation, everything, clock } = await setUp();
    const seen = new Set([await everything()]);

    degradation.set('checkout', 'deferred', change);
    seen.add(await everything());
    degradation.restore('checkout', back);
    seen.add(await everything());
    degradation.setLevel(2, { ...says, expiresInMs: 300_000 });
    seen.add(await everything());
    await clock.advance(200);
    seen.add(await everything());

    expect(seen.size).toBe(5);
  });
});
