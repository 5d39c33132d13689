import { describe, expect, it } from 'vitest';

import { seededRandom, virtualClock } from '@holdfast/core/testing';

import { findTampering } from './audit-trail.ts';
import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import type { FeatureControl } from './feature-control.ts';
import { isFeatureRecord } from './feature-record.ts';
import { memoryStore } from './feature-store.ts';
import { paramsInForce } from './mode-params.ts';
import { featureRecord } from './testing/records.ts';

const features = defineFeatures({
  search: {
    modes: ['full', 'reduced', 'off'],
    params: { full: { limit: 20 }, reduced: { limit: 5, sort: 'best', isFuzzy: false, fields: ['title'] } },
    onLevel: { 1: 'reduced' },
  },
});
const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };
const reduced = { limit: 5, sort: 'best', isFuzzy: false, fields: ['title'] };
let seed = 1;

function setUp({ clock = virtualClock(), store = memoryStore({ clock }) } = {}) {
  const degradation = createDegradation({ features, clock, store, random: seededRandom(seed++), wallClock: () => 0 });
  const control: FeatureControl = degradation;
  const params = (key?: string) => degradation.handle('search').read(undefined, { key }).params;
  return { clock, degradation, control, params };
}

describe('parameters of an override', () => {
  it('are in force with their mode, and as long', async () => {
    const { degradation, clock, params } = setUp();

    const status = degradation.set('search', 'reduced', { ...change, params: { limit: 3, isFuzzy: true } });

    expect(params()).toEqual({ ...reduced, limit: 3, isFuzzy: true });
    expect(Object.isFrozen(params())).toBe(true);
    expect(status.override?.params).toEqual({ limit: 3, isFuzzy: true });
    await clock.advance(60_000);
    expect(params()).toEqual({ limit: 20 });
    degradation.set('search', 'reduced', change);
    expect(params()).toEqual(reduced);
  });

  it('reach every way to read a mode', async () => {
    const { degradation } = setUp();
    degradation.set('search', 'reduced', { ...change, params: { limit: 3 } });
    const limitOf = (_context: unknown, params: { limit: number } | undefined) => params?.limit;
    const functions = { full: limitOf, reduced: limitOf, off: () => 0 };
    const { Context } = await import('@holdfast/core');
    const context = Context.background;

    expect(degradation.handle('search').match({ full: () => 0, reduced: ({ limit }) => limit, off: () => 0 })).toBe(3);
    expect(await degradation.feature('search', functions, { withParams: true })(context)).toBe(3);
    expect(await degradation.ladder('search', functions)(context)).toBe(3);
    const policy = degradation.policy('search', 'full', { reduced: (_own, { limit }) => limit, off: () => 0 });
    expect(await policy.execute(() => 20)).toBe(3);
  });

  it('are audited, in the chain', () => {
    const { degradation } = setUp();
    degradation.set('search', 'reduced', { ...change, params: { limit: 3 } });
    degradation.set('search', 'reduced', change);

    const audit = degradation.audit();

    expect(audit.map(({ params }) => params)).toEqual([{ limit: 3 }, undefined]);
    expect(findTampering(audit)).toBeUndefined();
    expect(findTampering(audit.map((entry) => ({ ...entry, params: { limit: 4 } })))).toBe(0);
  });

  it('are for the same share, and for nobody else', () => {
    const { degradation, params } = setUp();
    degradation.set('search', 'reduced', { ...change, params: { limit: 3 }, shareRatio: 0.5 });

    const seen = new Set(Array.from({ length: 100 }, (_each, index) => JSON.stringify(params(`user-${index}`))));

    expect(seen).toEqual(new Set([JSON.stringify({ limit: 20 }), JSON.stringify({ ...reduced, limit: 3 })]));
  });

  it('travel with the record', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const [one, other] = [setUp({ clock, store }), setUp({ clock, store })];
    await Promise.all([one.degradation.loaded, other.degradation.loaded]);

    one.degradation.set('search', 'reduced', { ...change, params: { sort: 'new' } });

    expect(other.params()).toEqual({ ...reduced, sort: 'new' });
  });

  it.each<[string, unknown, string]>([
    ['reduced', { limt: 3 }, 'search.params.limt must be one of limit, sort, isFuzzy, got "limt"'],
    ['reduced', { constructor: 3 }, 'search.params.constructor must be one of limit, sort, isFuzzy'],
    ['reduced', { fields: 'body' }, 'search.params.fields must be one of limit, sort, isFuzzy'],
    ['reduced', { limit: '3' }, 'search.params.limit must be a number, as in the catalogue, got "3"'],
    ['reduced', { isFuzzy: 1 }, 'search.params.isFuzzy must be a boolean, as in the catalogue, got 1'],
    ['reduced', { limit: Number.NaN }, 'search.params must be an object of at most 20 texts, finite numbers'],
    ['reduced', { limit: Infinity }, 'search.params must be an object of at most 20 texts, finite numbers'],
    ['reduced', { limit: [3] }, 'search.params must be an object of at most 20 texts, finite numbers'],
    ['reduced', null, 'search.params must be an object of at most 20 texts, finite numbers'],
    ['reduced', [], 'search.params must be an object of at most 20 texts, finite numbers'],
    ['full', { sort: 'new' }, 'search.params.sort must be one of limit, got "sort"'],
    ['off', { limit: 3 }, 'search.params.limit must be one of none, got "limit"'],
  ])('(1) refuses for %s the parameters %j, and changes nothing', (mode, params, message) => {
    const { degradation, control } = setUp();
    const before = [degradation.list(), degradation.audit()];

    expect(() => control.set('search', mode, { ...change, params } as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_CHANGE', message: expect.stringContaining(message) as string }),
    );
    expect([degradation.list(), degradation.audit()]).toEqual(before);
  });

  it.each(['atLeast', 'atMost'] as const)('(2) refuses them with %s, which is for more than one mode', (kind) => {
    const { degradation } = setUp();

    expect(() => degradation.set('search', 'reduced', { ...change, kind, params: { limit: 3 } })).toThrow(
      `search.params must be left out with kind ${kind}`,
    );
  });

  it('(2) do not count for the same mode where something else decided', () => {
    const { degradation, params } = setUp();
    degradation.set('search', 'reduced', { ...change, source: 'schedule', params: { limit: 3 } });
    expect(params()).toMatchObject({ limit: 3 });

    degradation.setLevel(1, { actor: 'brownout', reason: 'shedRatio is 0.2' });

    expect(params()).toEqual(reduced);
  });

  it('(2), (3) keep to what this version of the catalogue knows', () => {
    const definition = features.search;
    const by = (mode: string, params: object) => paramsInForce(definition, 'reduced', { mode, params } as never);

    expect(by('reduced', { limit: 3, unknown: 1, sort: 7, fields: 'x' })).toEqual({ ...reduced, limit: 3 });
    expect(by('tiny', { limit: 3 })).toEqual(reduced);
    expect(paramsInForce(definition, 'off', { mode: 'off', params: { limit: 3 } })).toBeUndefined();
    expect(paramsInForce(definition, 'reduced', undefined)).toBe(definition.params.reduced);
  });

  it('takes undefined for left out, and the number 0, false and the empty text as they are', () => {
    const { degradation, params } = setUp();

    degradation.set('search', 'reduced', { ...change, params: { limit: 0, isFuzzy: false, sort: undefined } });
    expect(params()).toEqual({ ...reduced, limit: 0 });
    expect(degradation.set('search', 'reduced', { ...change, params: {} }).override?.params).toBeUndefined();
    degradation.set('search', 'reduced', { ...change, params: { sort: '' } });
    expect(params()).toEqual({ ...reduced, sort: '' });
  });

  it.each<[unknown, boolean]>([
    [undefined, true],
    [{ limit: 3 }, true],
    [{}, true],
    [{ limit: [3] }, false],
    [{ limit: null }, false],
    [[], false],
    ['limit', false],
    [Object.fromEntries(Array.from({ length: 21 }, (_each, index) => [`p${index}`, 1])), false],
    [{ text: 'x'.repeat(1001) }, false],
  ])('of a record from outside, %j, are valid: %s', (params, isValid) => {
    expect(isFeatureRecord(featureRecord(1, { params } as never))).toBe(isValid);
  });
});
