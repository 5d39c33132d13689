import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Condition, bucketOf, isCondition, matches } from './targeting.ts';

describe('bucketOf', () => {
  it('(1) is the same every time, and another for another seed', () => {
    expect(bucketOf('reco', 'ada')).toBe(bucketOf('reco', 'ada'));
    expect(bucketOf('reco', 'ada')).not.toBe(bucketOf('search', 'ada'));
  });

  it('(2) puts as many keys below a share as the share says, short and similar keys too', () => {
    for (const share of [0.01, 0.1, 0.5, 0.9]) {
      const below = Array.from({ length: 20_000 }, (_, n) => bucketOf('reco', String(n))).filter((of) => of < share);

      expect(below.length / 20_000).toBeGreaterThan(share - 0.015);
      expect(below.length / 20_000).toBeLessThan(share + 0.015);
    }
  });

  it('is in [0, 1), for any text', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (key, seed) => {
        const bucket = bucketOf(seed, key);
        expect(bucket >= 0 && bucket < 1).toBe(true);
      }),
    );
  });
});

describe('matches', () => {
  const attributes = { tier: 'free', age: 30, beta: true };

  it.each<[boolean, Condition]>([
    [true, { attribute: 'tier', in: ['free', 'trial'] }],
    [false, { attribute: 'tier', in: ['paid'] }],
    [true, { attribute: 'tier', notIn: ['paid'] }],
    [false, { attribute: 'tier', notIn: ['free'] }],
    [true, { attribute: 'beta', in: [true] }],
    [true, { attribute: 'age', below: 31 }],
    [false, { attribute: 'age', below: 30 }],
    [true, { attribute: 'age', above: 29 }],
    [false, { attribute: 'age', above: 30 }],
    [false, { attribute: 'tier', above: 1 }],
    [false, { attribute: 'region', in: ['eu'] }],
    [false, { attribute: 'toString', notIn: ['eu'] }],
  ])('(3) says %s to %j', (expected, condition) => {
    expect(isCondition(condition)).toBe(true);
    expect(matches([condition], attributes)).toBe(expected);
    expect(matches([condition], undefined)).toBe(false);
  });

  it('asks for all conditions', () => {
    expect(matches([], undefined)).toBe(true);
    expect(
      matches(
        [
          { attribute: 'age', below: 31 },
          { attribute: 'tier', in: ['paid'] },
        ],
        attributes,
      ),
    ).toBe(false);
  });
});
