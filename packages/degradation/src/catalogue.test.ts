import { describe, expect, it } from 'vitest';

import { ConfigError } from '@holdfast/core';

import { type Catalogue, defineFeatures, requireCatalogue } from './catalogue.ts';

/** As `defineFeatures`, for what no compiler checks. */
const define = (specs: unknown): Catalogue => defineFeatures(specs as never);

describe('defineFeatures', () => {
  it('returns a frozen copy with every default filled in', () => {
    const specs = { reco: { modes: ['full', 'off'] as ['full', 'off'], notice: 'May be empty.' } };

    const features = defineFeatures(specs);
    specs.reco.modes.reverse();

    expect(features).toEqual({
      reco: {
        modes: ['full', 'off'],
        params: {},
        owner: undefined,
        notice: 'May be empty.',
        isPublic: false,
        essential: false,
        onLevel: [],
        worstAutomatic: 1,
        maxOverrideMs: 86_400_000,
      },
    });
    for (const part of [features, features.reco, features.reco.modes]) expect(Object.isFrozen(part)).toBe(true);
  });

  it('tells what it returned from what it did not', () => {
    const features = define({ a: { modes: ['full'], owner: 'me', essential: true } });

    expect(requireCatalogue('x', features)).toBe(features);
    expect(() => requireCatalogue('x', { ...features })).toThrow('x must be what defineFeatures() returned');
    expect(() => requireCatalogue('x', undefined)).toThrow(ConfigError);
  });

  it('delivers parameters per mode, as a frozen copy', () => {
    const limit = { limit: 5 };
    const features = defineFeatures({ reco: { modes: ['full', 'reduced'], params: { reduced: limit } } });
    limit.limit = 6;

    expect(features.reco.params).toEqual({ reduced: { limit: 5 } });
    expect(Object.isFrozen(features.reco.params.reduced)).toBe(true);
  });

  it('delivers parameters that nobody can change, however deep', () => {
    const params = { reduced: { fields: ['title'], nested: { list: [{ a: 1 }] }, none: null } };
    const features = define({ reco: { modes: ['full', 'reduced'], params } });
    params.reduced.fields.push('price');
    params.reduced.nested.list.push({ a: 2 });

    const reduced = features['reco']?.params['reduced'] as typeof params.reduced;
    expect(reduced).toEqual({ fields: ['title'], nested: { list: [{ a: 1 }] }, none: null });
    for (const part of [reduced.fields, reduced.nested, reduced.nested.list, reduced.nested.list[0]])
      expect(Object.isFrozen(part)).toBe(true);
  });

  const circle: Record<string, unknown> = {};
  circle['again'] = [circle];

  it.each([
    ['not a number', { limit: Number.NaN }, 'features.reco.params.off.limit'],
    ['endless', { limit: Infinity }, 'features.reco.params.off.limit'],
    ['a function', { nested: { make: () => 1 } }, 'features.reco.params.off.nested.make'],
    ['a date', { days: [0, new Date(0)] }, 'features.reco.params.off.days[1]'],
    ['a map', { of: new Map() }, 'features.reco.params.off.of'],
    ['a big integer', { limit: 1n }, 'features.reco.params.off.limit'],
    ['an instance of a class', new URL('https://holdfast.dev'), 'features.reco.params.off'],
    ['a circle', circle, 'features.reco.params.off.again[0]'],
  ])('refuses parameters that are not plain data: %s', (_what, off, path) => {
    const attempt = () => define({ reco: { modes: ['full', 'off'], params: { off } } });

    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(`${path} must be plain data`);
  });

  it('keeps controllers out of what is essential, but for the highest level', () => {
    const features = defineFeatures({
      pay: { modes: ['full', 'deferred', 'off'], essential: true },
      sign: { modes: ['full', 'deferred', 'off'], essential: true, onLevel: { 4: 'deferred' } },
      ads: { modes: ['full', 'few', 'off'], worstAutomatic: 'few' },
      mail: { modes: ['full', 'off'], worstAutomatic: false },
    });

    expect(Object.values(features).map(({ worstAutomatic }) => worstAutomatic)).toEqual([0, 1, 1, 0]);
  });

  it('keeps names apart from what objects inherit', () => {
    const features = define({ constructor: { modes: ['full'] } });

    expect(Object.keys(features)).toEqual(['constructor']);
  });

  it.each([
    [undefined, 'features must be an object'],
    [{}, 'at least one feature'],
    [{ Reco: { modes: ['full'] } }, 'got "Reco"'],
    [{ '9lives': { modes: ['full'] } }, 'got "9lives"'],
    [{ a: null }, 'features.a must be an object'],
    [{ a: {} }, 'features.a.modes must be an array of at least one mode'],
    [{ a: { modes: [] } }, 'features.a.modes must be an array of at least one mode'],
    [{ a: { modes: 'full' } }, 'features.a.modes must be an array'],
    [{ a: { modes: ['full', 'off', 'full'] } }, 'features.a.modes[2] must be named once only, got "full"'],
    [{ a: { modes: ['full', ''] } }, 'features.a.modes[1] must be a name'],
    [{ a: { modes: ['Full'] } }, 'features.a.modes[0] must be a name'],
    [{ a: { modes: [1] } }, 'features.a.modes[0] must be a name'],
    [{ a: { modes: ['full'], owner: '' } }, 'features.a.owner must be a non-empty string'],
    [{ a: { modes: ['full'], notice: 1 } }, 'features.a.notice must be a non-empty string'],
    [{ a: { modes: ['full'], essential: 'yes' } }, 'features.a.essential must be true or false'],
    [{ a: { modes: ['full'], isPublic: 1 } }, 'features.a.isPublic must be true or false'],
    [{ a: { modes: ['full'], maxOverrideMs: 86_400_001 } }, 'features.a.maxOverrideMs must be an integer from 1 to'],
    [{ a: { modes: ['full'], params: 1 } }, 'features.a.params must be an object'],
    [
      { a: { modes: ['full'], params: { off: {} } } },
      'features.a.params must be an object with keys of full, got "off"',
    ],
    [{ a: { modes: ['full'], params: { full: 1 } } }, 'features.a.params.full must be an object'],
    [{ a: { modes: ['full'], worstAutomatic: 'off' } }, 'features.a.worstAutomatic must be false or one of full'],
    [
      { a: { modes: ['full', 'off'], onLevel: { 1: 'off' }, worstAutomatic: false } },
      'as bad as the worst mode of onLevel',
    ],
    [{ a: { modes: ['full', 'off'], onLevel: [] } }, 'features.a.onLevel must be an object'],
    [{ a: { modes: ['full', 'off'], onLevel: { 0: 'off' } } }, 'a map of levels above 0, up to 4, got "0"'],
    [{ a: { modes: ['full', 'off'], onLevel: { 4.5: 'off' } } }, 'a map of levels above 0, up to 4, got "4.5"'],
    [{ a: { modes: ['full', 'off'], onLevel: { x: 'off' } } }, 'a map of levels above 0, up to 4, got "x"'],
    [{ a: { modes: ['full', 'off'], onLevel: { 1: 'of' } } }, 'a map to modes of the feature: full, off, got "of"'],
    [
      { a: { modes: ['full', 'few', 'off'], onLevel: { 1.5: 'off', 3: 'few' } } },
      'a map whose modes never get better as the level rises, got "few"',
    ],
    [
      { a: { modes: ['full', 'off'], essential: true, onLevel: { 3.9: 'off' } } },
      'the feature being essential, got "3.9"',
    ],
  ])('refuses %j', (specs, message) => {
    expect(() => define(specs)).toThrow(ConfigError);
    expect(() => define(specs)).toThrow(message);
  });

  it('refuses an unknown key with the list of known ones', () => {
    expect(() => define({ a: { modes: ['full'], ower: 'x' } })).toThrow(
      new TypeError(
        'features.a has no option "ower"; it knows modes, params, owner, notice, isPublic, essential, onLevel, worstAutomatic, maxOverrideMs',
      ),
    );
  });
});
