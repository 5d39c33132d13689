import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom } from '../testing/seeded-random.ts';
import { exponentialMs, fullJitterMs } from './backoff.ts';

const bounds = fc.record({
  baseMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
  maxMs: fc.double({ min: 0, max: 600_000, noNaN: true }),
});

describe('backoff', () => {
  it('charter H4: doubles from baseMs to maxMs, and gives try 1 no delay', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7].map((attempt) => exponentialMs(attempt, { baseMs: 100, maxMs: 1000 }));

    expect(delays).toEqual([0, 100, 200, 400, 800, 1000, 1000]);
  });

  it('charter H4: is finite, and between 0 and maxMs, for every try up to a million', () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 1_000_000 }),
      bounds,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, limits, drawn) => {
        const bound = exponentialMs(attempt, limits);
        const delayMs = fullJitterMs(attempt, limits, () => drawn);
        expect(Number.isFinite(bound) && bound >= 0 && bound <= limits.maxMs).toBe(true);
        expect(delayMs >= 0 && delayMs <= bound).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  it('agrees with doubling in a loop', () => {
    const property = fc.property(fc.integer({ min: 2, max: 200 }), bounds, (attempt, limits) => {
      let naive = limits.baseMs;
      for (let step = 2; step < attempt; step++) naive *= 2;
      expect(exponentialMs(attempt, limits)).toBe(Math.min(limits.maxMs, naive));
    });
    fc.assert(property);
  });

  it('charter H4: full jitter is spread evenly', () => {
    const random = seededRandom(7);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 10_000; draw++) {
      const tenth = Math.floor(fullJitterMs(2, { baseMs: 10, maxMs: 10 }, random));
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }

    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
