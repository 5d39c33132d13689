import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  admit,
  arrivalFor,
  available,
  backlogMs,
  conforms,
  conformsAt,
  gcraAtRest,
  rescale,
  waitMs,
  withBacklog,
} from './gcra.ts';

const limitsOf = fc.record({
  emissionMs: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0.001, max: 1000, noNaN: true })),
  maxBurst: fc.integer({ min: 1, max: 6 }),
});

/** Times between arrivals, as shares of the time per call. */
const gaps = fc.array(fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 3, noNaN: true })), {
  maxLength: 60,
  size: 'max',
});

describe('gcra', () => {
  it('(1) admits no more than the burst and one per emissionMs in any span, against a log of all that it admitted', () => {
    const property = fc.property(limitsOf, gaps, fc.nat(1_000_000), (limits, steps, startAt) => {
      const admitted: number[] = [];
      let state = gcraAtRest;
      let now = startAt;
      for (const step of steps) {
        now += step * limits.emissionMs;
        if (!conforms(state, now, limits)) continue;
        state = admit(state, now, limits);
        admitted.push(now);
        for (const [index, since] of admitted.entries()) {
          const allowed = limits.maxBurst + (now - since) / limits.emissionMs;
          expect(admitted.length - index).toBeLessThanOrEqual(allowed + 1e-5);
        }
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('(1) refuses no call that a bucket of maxBurst tokens would have had a token for', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 6 }),
      gaps,
      (T, B, steps) => {
        const limits = { emissionMs: T, maxBurst: B };
        let state = gcraAtRest;
        let tokens = B * T; // the naive bucket, in milliseconds' worth of tokens; whole numbers, so nothing is rounded
        let now = 0;
        for (const step of steps) {
          const gapMs = Math.round(step * T);
          now += gapMs;
          tokens = Math.min(B * T, tokens + gapMs);
          expect(available(state, now, limits)).toBe(Math.floor(tokens / T));
          expect(backlogMs(state, now)).toBe(B * T - tokens);
          expect(conforms(state, now, limits)).toBe(tokens >= T);
          expect(waitMs(conformsAt(state, limits), now)).toBe(Math.max(0, T - tokens));
          if (tokens < T) continue;
          tokens -= T;
          state = admit(state, now, limits);
        }
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it('(2) conforms after exactly the wait that it says, whatever is rounded', () => {
    const instants = fc.double({ min: 0, max: 1e12, noNaN: true });
    const property = fc.property(instants, instants, (now, instant) => {
      const ms = waitMs(instant, now);

      expect(now + ms).toBeGreaterThanOrEqual(instant);
      expect(ms === 0).toBe(now >= instant);
      if (ms > 0) expect(ms - (instant - now)).toBeLessThanOrEqual(instant * 2 ** -51);
    });
    fc.assert(property, { numRuns: 5000, examples: [[0.5, 2 ** 52 + 1]] });
  });

  it('(2) admits n calls of n per interval, whatever n, at the end of each interval', () => {
    for (let count = 1; count <= 500; count++) {
      const limits = { emissionMs: 1000 / count, maxBurst: count };
      let state = gcraAtRest;
      for (let now = 0; now < 20_000; now += 1000) {
        expect(available(state, now, limits)).toBe(count);
        for (let call = 0; call < count; call++) state = admit(state, now, limits);
        expect(available(state, now, limits)).toBe(0);
      }
    }
  });

  it('(2) forgives what sums of instants are off by: a millionth of the time per call, and no more', () => {
    const limits = { emissionMs: 1, maxBurst: 1 };

    expect([conforms(0, -1e-6, limits), conforms(0, -1.000_001e-6, limits)]).toEqual([true, false]);
    expect([available(0, -1e-6, limits), available(0, -1.000_001e-6, limits)]).toEqual([1, 0]);
  });

  it('has none available while more was let in than conforms', () => {
    expect(available(1000, 0, { emissionMs: 10, maxBurst: 2 })).toBe(0);
  });

  it('(3) stays at rest however often it is asked', () => {
    const limits = { emissionMs: 10, maxBurst: 3 };

    expect(conformsAt(gcraAtRest, limits)).toBe(-Infinity);
    expect(conforms(gcraAtRest, 5, limits)).toBe(true);
    expect(available(gcraAtRest, 5, limits)).toBe(3);
    expect(backlogMs(gcraAtRest, 5)).toBe(0);
    expect(waitMs(conformsAt(gcraAtRest, limits), 5)).toBe(0);
  });

  it('keeps calls, not milliseconds, when the limits change', () => {
    const from = { emissionMs: 10, maxBurst: 4 };
    const state = withBacklog(30, 100, from);

    expect(backlogMs(rescale(state, 100, { from, to: { emissionMs: 5, maxBurst: 4 } }), 100)).toBe(15);
    expect(backlogMs(rescale(state, 100, { from, to: { emissionMs: 20, maxBurst: 4 } }), 100)).toBe(60);
    expect(backlogMs(rescale(state, 100, { from, to: { emissionMs: 20, maxBurst: 2 } }), 100)).toBe(40);
    expect(rescale(state, 130, { from, to: from })).toBe(gcraAtRest);
    expect(rescale(state, 107, { from, to: from })).toBe(130);
  });

  it('takes over no more than a whole burst', () => {
    expect(withBacklog(Infinity, 100, { emissionMs: 10, maxBurst: 4 })).toBe(140);
    expect(withBacklog(0, 100, { emissionMs: 10, maxBurst: 4 })).toBe(gcraAtRest);
  });

  it('judges a call that costs more by the arrival of its last part, and by the whole burst at most', () => {
    const limits = { emissionMs: 10, maxBurst: 4 };
    const judged = [1, 3, 4, 9].map((cost) => arrivalFor(cost, 100, limits));

    expect(judged).toEqual([100, 120, 130, 130]);
    expect(arrivalFor(0.5, 100, limits)).toBe(95);
  });
});
