import { describe, expect, it } from 'vitest';

import { ConfigError } from '@holdfast/core';

import { checkCatalogue, defineFeatures } from './catalogue.ts';

describe('defineFeatures', () => {
  it('returns a frozen copy with every default filled in', () => {
    const specs = { reco: { modes: ['full', 'off'] as ['full', 'off'], notice: 'May be empty.' } };

    const features = defineFeatures(specs);
    specs.reco.modes.reverse();

    expect(features).toEqual({
      reco: { modes: ['full', 'off'], owner: undefined, notice: 'May be empty.', essential: false },
    });
    for (const part of [features, features.reco, features.reco.modes]) expect(Object.isFrozen(part)).toBe(true);
  });

  it('takes what it returned', () => {
    const features = defineFeatures({ a: { modes: ['full'], owner: 'me', essential: true } });

    expect(checkCatalogue(features)).toEqual(features);
  });

  it('keeps names apart from what objects inherit', () => {
    const features = checkCatalogue({ constructor: { modes: ['full'] } });

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
  ])('refuses %j', (specs, message) => {
    expect(() => checkCatalogue(specs)).toThrow(ConfigError);
    expect(() => checkCatalogue(specs)).toThrow(message);
  });

  it('refuses an unknown key with the list of known ones', () => {
    expect(() => checkCatalogue({ a: { modes: ['full'], ower: 'x' } })).toThrow(
      new TypeError('features.a has no option "ower"; it knows modes, owner, notice, essential'),
    );
  });
});
