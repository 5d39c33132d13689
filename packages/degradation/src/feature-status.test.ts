import { describe, expect, it } from 'vitest';

import { virtualClock } from '@holdfast/core/testing';

import { findTampering } from './audit-trail.ts';
import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import type { FeatureRecord } from './feature-record.ts';
import type { FeatureStore } from './feature-store.ts';
import { featureRecord } from './testing/records.ts';

const features = defineFeatures({
  reco: { modes: ['full', 'cached', 'off'], params: { cached: { limit: 5 } }, onLevel: { 1: 'cached' } },
});
const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };
const match = () => [{ attribute: 'tier', in: ['free'] }];

function setUp(store?: FeatureStore) {
  const clock = virtualClock();
  const degradation = createDegradation({ features, clock, wallClock: () => 0, ...(store !== undefined && { store }) });
  const gold = () => degradation.handle('reco').read(undefined, { key: 'ada', attributes: { tier: 'gold' } }).mode;
  return { degradation, gold };
}

/** A store that has one record, which it goes on holding in its hands. */
function storeOf(record: FeatureRecord): FeatureStore {
  return { load: () => Promise.resolve([record]), save: (one) => Promise.resolve(one), listen: () => () => {} };
}

/** Puts `value` into whatever `path` leads to, as a reader without types can; refused or not. */
function spoil(given: unknown, path: readonly (string | number)[], value: unknown): void {
  const part = path.slice(0, -1).reduce((at, key) => (at as Record<string, unknown>)[key], given);
  Reflect.set(part as object, path.at(-1) as string, value);
}

describe('what a status shows', () => {
  it.each([
    ['who it is for', ['overrides', 0, 'match', 0, 'in', 1], 'gold'],
    ['a condition', ['overrides', 0, 'match', 0], { attribute: 'tier', in: ['gold'] }],
    ['its parameters', ['overrides', 0, 'params', 'limit'], 999],
    ['its scope', ['overrides', 0, 'scope', 'region'], 'eu'],
    ['its modes', ['modes', 0], 'off'],
  ])('changes nothing that is in force when somebody changes it: %s', (_what, path, value) => {
    const { degradation, gold } = setUp();
    const control = { ...change, match: match(), params: { limit: 3 } };
    degradation.set('reco', 'cached', control);
    const before = structuredClone(degradation.status('reco'));

    spoil(degradation.status('reco'), path, value);

    expect(degradation.status('reco')).toEqual(before);
    expect(gold()).toBe('full');
    expect(findTampering(degradation.audit())).toBeUndefined();
  });

  it('changes nothing when the contradictions in it are changed', () => {
    const { degradation } = setUp();
    degradation.set('reco', 'off', { ...change, kind: 'atLeast' });
    degradation.set('reco', 'full', { ...change, kind: 'atMost' });
    const { conflicts } = degradation.status('reco');
    const before = structuredClone(conflicts);
    expect(before).toHaveLength(1);

    spoil(conflicts, [0, 0], 'somebody');
    spoil(conflicts, [1], ['a', 'b']);

    expect(degradation.status('reco').conflicts).toEqual(before);
  });

  it('is not of the objects that the change, or the store, was made with', async () => {
    const control = { ...change, match: match(), scope: {}, params: { limit: 3 } };
    const made = setUp();
    made.degradation.set('reco', 'cached', control);
    spoil(control, ['match', 0, 'in', 0], 'gold');
    spoil(control, ['scope', 'region'], 'eu');
    spoil(control, ['params', 'limit'], 999);
    expect(made.gold()).toBe('full');
    expect(made.degradation.status('reco').override ?? made.degradation.status('reco').overrides[0]).toMatchObject({
      scope: {},
      params: { limit: 3 },
    });

    const record = featureRecord(1, { match: match(), params: { limit: 3 } });
    const loaded = setUp(storeOf(record));
    await loaded.degradation.loaded;
    spoil(record, ['overrides', 0, 'match', 0, 'in', 0], 'gold');
    spoil(record, ['overrides', 0, 'params', 'limit'], 999);
    expect(loaded.gold()).toBe('full');
    expect(loaded.degradation.status('reco').overrides[0]?.params).toEqual({ limit: 3 });
  });
});
