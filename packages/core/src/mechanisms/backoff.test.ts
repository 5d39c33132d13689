import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom } from '../testing/seeded-random.ts';
import {
  type DelayBounds,
  backoffKinds,
  backoffMs,
  decorrelatedJitterMs,
  exponentialMs,
  fullJitterMs,
  longestBackoffMs,
} from './backoff.ts';

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

  it('charter H4: is finite, and from 0 to maxMs, for every kind and every try from 0 to a million', () => {
    const property = fc.property(
      fc.constantFrom(...backoffKinds),
      fc.integer({ min: 0, max: 1_000_000 }),
      bounds,
      fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ),
      (kind, attempt, limits, [before, drawn]) => {
        const request = { attempt, previousDelayMs: before * limits.maxMs, bounds: limits };
        const delayMs = backoffMs(kind, request, () => drawn);
        const longestMs = longestBackoffMs(kind, request);

        expect(Number.isFinite(delayMs) && delayMs >= 0 && delayMs <= longestMs).toBe(true);
        expect(longestMs).toBeLessThanOrEqual(limits.maxMs);
        if (attempt < 2) expect(delayMs).toBe(0);
      },
    );
    fc.assert(property, { numRuns: 4000 });
  });

  it('charter H4: decorrelated jitter stays between baseMs and three times the delay before, over whole chains', () => {
    const random = seededRandom(3);
    const limits: DelayBounds = { baseMs: 10, maxMs: 1000 };
    const delays = [0];
    for (let attempt = 2; attempt <= 1000; attempt++)
      delays.push(
        backoffMs('decorrelated-jitter', { attempt, previousDelayMs: delays.at(-1) ?? 0, bounds: limits }, random),
      );

    for (const [index, delayMs] of delays.entries()) {
      if (index === 0) continue;
      const before = Math.max(10, delays[index - 1] ?? 0);
      expect(delayMs >= 10 && delayMs < Math.min(1000, 3 * before)).toBe(true);
    }
    expect(Math.max(...delays)).toBeGreaterThan(900); // it grows
    expect(Math.min(...delays.slice(100))).toBeLessThan(100); // and comes down again
  });

  it('charter H4: decorrelated jitter is spread evenly over its range', () => {
    const random = seededRandom(11);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 10_000; draw++) {
      const delayMs = decorrelatedJitterMs(100, { baseMs: 100, maxMs: 1000 }, random); // from 100 to 300
      const tenth = Math.floor((delayMs - 100) / 20);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }

    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('gives what each kind says, in order', () => {
    const chain = (kind: (typeof backoffKinds)[number]): number[] => {
      const delays = [0];
      for (let attempt = 2; attempt <= 6; attempt++) {
        const request = { attempt, previousDelayMs: delays.at(-1) ?? 0, bounds: { baseMs: 100, maxMs: 1000 } };
        delays.push(backoffMs(kind, request, () => 0.5));
      }
      return delays;
    };

    expect(chain('full-jitter')).toEqual([0, 50, 100, 200, 400, 500]);
    expect(chain('decorrelated-jitter')).toEqual([0, 200, 350, 550, 550, 550]);
    expect(chain('exponential')).toEqual([0, 100, 200, 400, 800, 1000]);
    expect(chain('fixed')).toEqual([0, 100, 100, 100, 100, 100]);
  });

  it('charter H4: asks for nothing from a base of nothing, however many tries there were', () => {
    expect(exponentialMs(5000, { baseMs: 0, maxMs: 1000 })).toBe(0);
  });

  it('gives the longest of each kind, and try 1 no delay', () => {
    const longest = (attempt: number) =>
      backoffKinds.map((kind) =>
        longestBackoffMs(kind, { attempt, previousDelayMs: 200, bounds: { baseMs: 100, maxMs: 10_000 } }),
      );

    expect(longest(1)).toEqual([0, 0, 0, 0]);
    expect(longest(4)).toEqual([400, 600, 400, 100]);
  });
});
