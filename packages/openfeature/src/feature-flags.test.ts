import { describe, expect, it } from 'vitest';

import { seededRandom, virtualClock } from '@holdfast/core/testing';
import { createDegradation, defineFeatures } from '@holdfast/degradation';

import { FeatureFlags, type FlagType } from './feature-flags.ts';

const features = defineFeatures({
  search: {
    modes: ['full', 'reduced', 'off'],
    params: { full: { limit: 20 }, reduced: { limit: 5, 'a.b': 'dotted', nothing: null } },
    onLevel: { 2: 'off' },
  },
});
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };
const types: readonly FlagType[] = ['boolean', 'string', 'number', 'object'];

function setUp() {
  const degradation = createDegradation({ features, clock: virtualClock(), random: seededRandom(3) });
  const flags = new FeatureFlags(degradation);
  const resolve = (key: string, type: FlagType = 'string', context?: object) =>
    flags.resolve<unknown>(key, type, { defaultValue: 'mine', context: context as never });
  return { degradation, flags, resolve };
}

describe('FeatureFlags', () => {
  it('(1) never throws, whatever it is asked', () => {
    const { resolve } = setUp();
    const keys = [
      '',
      '.',
      'search',
      'search.',
      '__proto__',
      'search.__proto__',
      undefined,
      null,
      7,
      {},
      [],
    ] as string[];
    const contexts = [undefined, {}, { targetingKey: 7 }, { targetingKey: null, deep: { deeper: [] } }];

    for (const key of keys) {
      for (const type of types)
        for (const context of contexts) expect(resolve(key, type, context as never)).toHaveProperty('value');
    }
  });

  it('(2) tells a key that nothing has, and a parameter of another type', () => {
    const { resolve, degradation } = setUp();
    degradation.set('search', 'reduced', change);

    expect(resolve('serch')).toMatchObject({ value: 'mine', errorCode: 'FLAG_NOT_FOUND', errorMessage: /"serch"/ });
    expect(types.map((type) => resolve('search.limit', type).errorCode)).toEqual([
      'TYPE_MISMATCH',
      'TYPE_MISMATCH',
      undefined,
      'TYPE_MISMATCH',
    ]);
    expect(resolve('search.nothing', 'object').errorCode).toBe('TYPE_MISMATCH');
    expect(resolve('search.a.b').value).toBe('dotted');
  });

  it('(3) has the mode as its variant', () => {
    const { resolve, degradation } = setUp();

    expect([...types.map((type) => resolve('search', type)), resolve('search.limit', 'number')]).toMatchObject(
      Array.from({ length: 5 }, () => ({ variant: 'full' })),
    );
    degradation.set('search', 'off', change);
    expect(resolve('search.limit', 'number')).toMatchObject({ value: 'mine', variant: 'off', reason: 'DEFAULT' });
  });

  it('(4) tells how the mode was found', () => {
    const { resolve, degradation } = setUp();
    const reasons = () => ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((targetingKey) => {
      return resolve('search', 'string', { targetingKey, tier: 'free' }).reason;
    }); // prettier-ignore
    const author = { actor: 'alice', reason: 'next' };

    expect(new Set(reasons())).toEqual(new Set(['DEFAULT']));
    degradation.set('search', 'reduced', change);
    expect(new Set(reasons())).toEqual(new Set(['STATIC']));
    degradation.restore('search', author);
    degradation.set('search', 'reduced', { ...change, shareRatio: 0.5 });
    expect(new Set(reasons())).toEqual(new Set(['DEFAULT', 'SPLIT']));
    degradation.restore('search', author);
    degradation.set('search', 'reduced', { ...change, match: [{ attribute: 'tier', in: ['free'] }] });
    expect(new Set(reasons())).toEqual(new Set(['TARGETING_MATCH']));
    degradation.restore('search', author);
    degradation.setLevel(1.5, author);
    expect(new Set(reasons())).toEqual(new Set(['DEFAULT', 'SPLIT']));
    degradation.setLevel(2, author);
    expect(new Set(reasons())).toEqual(new Set(['STATIC']));
  });

  it('names the flags of a feature', () => {
    const { flags } = setUp();

    expect(flags.keysOf('search')).toEqual(['search', 'search.limit', 'search.a.b', 'search.nothing']);
    expect(flags.keysOf('constructor')).toEqual([]);
  });
});
