import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { levelFor } from './brownout-bucket.ts';
import { move, paceAtRest } from './brownout-pace.ts';

const limits = { maxLevel: 4, dwellMs: 10_000 };
const keys = Array.from({ length: 25 }, (_each, index) => `user-${index}`);

/** A walk: time that passes, and how far the level wants to move. */
const walks = fc.array(fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.double({ min: -2, max: 2, noNaN: true })), {
  maxLength: 60,
});

describe('brownout pace', () => {
  it('(1) changes no key twice within the dwell time, whatever is asked', () => {
    fc.assert(
      fc.property(walks, (walk) => {
        let [pace, now] = [paceAtRest, 0];
        const changed = new Map<string, number>();
        for (const [passed, by] of walk) {
          now += passed;
          const before = pace.level;
          pace = move(pace, by, { now, limits });
          for (const key of keys) {
            const steps = Math.abs(levelFor(key, pace.level) - levelFor(key, before));
            if (steps === 0) continue;
            expect(steps).toBe(1);
            expect(now - (changed.get(key) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(limits.dwellMs);
            changed.set(key, now);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('(2), (3) stays between 0 and the highest level, and moves by at most one level, also when it is severe', () => {
    fc.assert(
      fc.property(walks, fc.boolean(), (walk, isSevere) => {
        let [pace, now] = [paceAtRest, 0];
        for (const [passed, by] of walk) {
          now += passed;
          const before = pace.level;
          pace = move(pace, by, { now, limits, isSevere });
          expect(Math.abs(pace.level - before)).toBeLessThanOrEqual(1 + 1e-9);
          expect(pace.level).toBeGreaterThanOrEqual(0);
          expect(pace.level).toBeLessThanOrEqual(4);
        }
      }),
    );
  });

  it('(1) rises by a whole level and no further, and on when the dwell time has passed', () => {
    const risen = move(paceAtRest, 0.7, { now: 0, limits });

    expect(move(risen, 0.7, { now: 500, limits }).level).toBe(1);
    expect(move(move(risen, 0.7, { now: 500, limits }), 0.7, { now: 9999, limits }).level).toBe(1);
    expect(move(move(risen, 0.7, { now: 500, limits }), 0.7, { now: 10_000, limits }).level).toBeCloseTo(1.7);
  });

  it('(1) turns round when the dwell time has passed, and not before', () => {
    const risen = move(paceAtRest, 0.7, { now: 0, limits });

    expect(move(risen, -0.1, { now: 9999, limits })).toBe(risen);
    expect(move(risen, -0.1, { now: 10_000, limits }).level).toBeCloseTo(0.6);
  });

  it('lets a severe raise through at once', () => {
    const fallen = move(move(paceAtRest, 1, { now: 0, limits }), -0.1, { now: 10_000, limits });

    expect(move(fallen, 0.6, { now: 10_500, limits })).toBe(fallen);
    expect(move(fallen, 1, { now: 10_500, limits, isSevere: true }).level).toBeCloseTo(1.9);
  });
});
