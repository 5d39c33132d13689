import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { standardDeviations, wilsonLowerBound } from './wilson-bound.ts';

describe('wilsonLowerBound', () => {
  it.each([
    [0, 0, 0],
    [0, 10, 0],
    [10, 10, 0.7225],
    [5, 10, 0.2366],
    [50, 100, 0.4038],
    [1, 1, 0.2065],
  ])('of %d in %d at 1.96 deviations is %d', (hits, total, expected) => {
    expect(wilsonLowerBound(hits, total, 1.96)).toBeCloseTo(expected, 3);
  });

  it('is from 0 to the observed share, grows with the hits, and comes closer to the share with more calls', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (total, part) => {
        const hits = Math.floor(part * total);
        const bound = wilsonLowerBound(hits, total, 1.645);

        expect(bound).toBeGreaterThanOrEqual(0);
        expect(bound).toBeLessThanOrEqual(hits / total + 1e-12);
        if (hits < total) expect(wilsonLowerBound(hits + 1, total, 1.645)).toBeGreaterThan(bound);
        expect(wilsonLowerBound(hits * 10, total * 10, 1.645)).toBeGreaterThanOrEqual(bound - 1e-12);
      },
    );
    fc.assert(property);
  });
});

describe('standardDeviations', () => {
  it.each([
    [0.5, 0],
    [0.8413, 1],
    [0.9, 1.2816],
    [0.95, 1.6449],
    [0.975, 1.96],
    [0.99, 2.3263],
    [0.9999, 3.719],
  ])('of %d is %d', (confidence, expected) => {
    expect(standardDeviations(confidence)).toBeCloseTo(expected, 2);
  });
});
