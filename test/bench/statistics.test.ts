import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { pairedRatios, quantile, rotated, spreadOf } from './statistics.ts';

const samples = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 50 });

describe('quantile', () => {
  it.each([
    { sample: [3], share: 0.5, expected: 3 },
    { sample: [4, 1, 3, 2], share: 0.5, expected: 2.5 },
    { sample: [5, 1, 3], share: 0.5, expected: 3 },
    { sample: [1, 2, 3, 4, 5], share: 0.25, expected: 2 },
    { sample: [10, 20], share: 0.75, expected: 17.5 },
    { sample: [9, 8, 7], share: 0, expected: 7 },
    { sample: [9, 8, 7], share: 1, expected: 9 },
  ])('of $sample at $share is $expected', ({ sample, share, expected }) => {
    expect(quantile(sample, share)).toBe(expected);
  });

  it('never leaves the sample and never falls when the share grows', () => {
    fc.assert(
      fc.property(
        samples,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (sample, a, b) => {
          const [small, large] = [quantile(sample, Math.min(a, b)), quantile(sample, Math.max(a, b))];

          expect(small).toBeGreaterThanOrEqual(Math.min(...sample));
          expect(large).toBeLessThanOrEqual(Math.max(...sample));
          expect(small).toBeLessThanOrEqual(large * (1 + 1e-12) + 1e-12);
        },
      ),
    );
  });

  it('leaves the sample as it is', () => {
    const sample = Object.freeze([3, 1, 2]);

    expect(quantile(sample, 0.5)).toBe(2);
    expect(sample).toEqual([3, 1, 2]);
  });

  it('refuses an empty sample and a share that is none', () => {
    expect(() => quantile([], 0.5)).toThrow('an empty sample has no quantiles');
    expect(() => quantile([1], 1.5)).toThrow('share must be a number from 0 to 1, got 1.5');
    expect(() => quantile([1], Number.NaN)).toThrow(RangeError);
  });
});

describe('spreadOf', () => {
  it('ignores a single outlier', () => {
    expect(spreadOf([10, 11, 12, 13, 1000])).toEqual({ median: 12, low: 11, high: 13, least: 10 });
  });
});

describe('pairedRatios', () => {
  it('divides each round by the same round of the base', () => {
    expect(pairedRatios([20, 60], [10, 20])).toEqual([2, 3]);
  });

  it('is untouched by a machine that slows all of a round', () => {
    expect(pairedRatios([20, 2000], [10, 1000])).toEqual([2, 2]);
  });

  it('refuses rounds without a partner', () => {
    expect(() => pairedRatios([1], [1, 2])).toThrow('1 rounds cannot be paired with 2');
  });
});

describe('rotated', () => {
  it('starts one further in each round and comes round', () => {
    expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
  });

  it('takes nothing for nothing', () => {
    expect(rotated([], 5)).toEqual([]);
  });
});
