import { describe, expect, it } from 'vitest';

import { virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import { explainFeature } from './feature-explanation.ts';

const features = defineFeatures({
  search: {
    modes: ['full', 'reduced', 'off'],
    params: { full: { limit: 50 }, reduced: { limit: 5 } },
    onLevel: { 2: 'reduced' },
  },
});
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };
const users = Array.from({ length: 200 }, (_, index) => ({ key: `user ${index}` }));

function setUp() {
  const clock = virtualClock();
  const degradation = createDegradation({ features, clock, wallClock: () => clock.now(), random: () => 0.5 });
  return { clock, degradation };
}

describe('explainFeature', () => {
  it('says that nothing asks for another mode', () => {
    const { degradation } = setUp();

    expect(explainFeature(degradation, 'search')).toMatchObject({
      name: 'search',
      mode: 'full',
      params: { limit: 50 },
      decidedBy: 'default',
      text: 'search is full: nothing asks for another mode',
    });
  });

  it('(1) says what a call site is given, whoever asks, at every level and share', () => {
    const { degradation } = setUp();
    for (const level of [0, 0.7, 1.4, 2, 4]) {
      degradation.setLevel(level, { actor: 'brownout', reason: 'shed ratio 4 %' });
      for (const shareRatio of [0.2, 0.9]) {
        degradation.set('search', 'off', { ...change, kind: 'atLeast', shareRatio });
        for (const target of users) {
          const { mode, params, decidedBy, reason } = degradation.handle('search').read(undefined, target);
          expect(explainFeature(degradation, 'search', target)).toMatchObject({ mode, params, decidedBy, reason });
        }
        expect(explainFeature(degradation, 'search').mode).toBe(degradation.mode('search'));
      }
    }
  });

  it('(2) names every override, with whether and why it is for the target', () => {
    const { degradation } = setUp();
    degradation.set('search', 'off', { ...change, match: [{ attribute: 'plan', in: ['free'] }] });
    degradation.set('search', 'reduced', { ...change, kind: 'atLeast', shareRatio: 0.5 });
    const fits = users.map((target) => explainFeature(degradation, 'search', target).overrides);
    const paying = { key: 'ada', attributes: { plan: 'free' } };

    expect(fits.every(([first]) => first?.why === 'its conditions do not hold for these attributes')).toBe(true);
    const share = fits.filter(([, second]) => second?.isFor).length;
    expect(share).toBeGreaterThan(60);
    expect(share).toBeLessThan(140);
    expect(fits[0]?.[1]?.why).toMatch(/^its share is 0\.5, and the bucket is 0\.\d+$/);
    expect(explainFeature(degradation, 'search', paying)).toMatchObject({
      mode: 'off',
      overrides: [{ isFor: true, why: 'its conditions hold' }, {}],
      text: 'search is off for "ada": manual force off by alice (INC-4711), 60 s left',
    });
  });

  it('says that it is the level, and that the level leaves it', () => {
    const { degradation } = setUp();
    degradation.setLevel(0.5, { actor: 'brownout', reason: 'shed ratio 4 %' });
    expect(explainFeature(degradation, 'search').text).toBe(
      'search is full: nothing asks for another mode, and the level of 0.5 leaves it',
    );
    degradation.setLevel(2, { actor: 'brownout', reason: 'shed ratio 4 %' });

    expect(explainFeature(degradation, 'search').text).toBe(
      'search is reduced: the brownout level is 2 (shed ratio 4 %)',
    );
  });

  it('says that overrides contradict one another, and that one is being taken back', async () => {
    const { clock, degradation } = setUp();
    degradation.set('search', 'off', { ...change, kind: 'atLeast' });
    degradation.set('search', 'reduced', { ...change, kind: 'atMost' });
    expect(explainFeature(degradation, 'search').text).toContain('; 1 of its overrides contradict one another');
    degradation.restore('search', { actor: 'alice', reason: 'over' });
    degradation.set('search', 'off', { ...change, restore: { shareRatios: [0.9], stepMs: 1000 } });
    await clock.advance(60_000);

    expect(explainFeature(degradation, 'search').text).toMatch(/ being taken back$/);
  });

  it('refuses a feature that there is not', () => {
    expect(() => explainFeature(setUp().degradation, 'nothing')).toThrow('there is no feature "nothing"');
  });
});
