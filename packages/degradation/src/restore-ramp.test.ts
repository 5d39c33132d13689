import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type RestoreRamp, rampShareRatio, startRamp, stepRamp } from './restore-ramp.ts';

const plan = { shareRatios: [0.5, 0.1], stepMs: 1000 };

/** Takes steps as they fall due, with the guard's words in order; returns the shares, 0 for the end. */
function sharesOf(words: readonly boolean[], random = 0.5): readonly number[] {
  let ramp: RestoreRamp | undefined = startRamp(plan, 0);
  const shares = [];
  for (const isAllowed of words) {
    if (ramp === undefined) break;
    ramp = stepRamp(ramp, { now: ramp.nextAt, isAllowed, random });
    shares.push(ramp === undefined ? 0 : rampShareRatio(ramp));
  }
  return shares;
}

describe('stepRamp', () => {
  it.each([
    [
      [true, true, true],
      [0.5, 0.1, 0],
    ],
    [
      [false, true, true, true],
      [1, 0.5, 0.1, 0],
    ],
    [
      [true, false, true, true],
      [0.5, 0.5, 0.1, 0],
    ],
    [
      [true, true, false, false, true, true],
      [0.5, 0.1, 0.1, 0.5, 0.1, 0],
    ],
    [
      [true, false, false, false, false],
      [0.5, 0.5, 1, 1, 1],
    ],
    [
      [true, false, true, false, true],
      [0.5, 0.5, 0.1, 0.1, 0],
    ],
  ])('(1) with a guard that says %j goes %j', (words, shares) => {
    expect(sharesOf(words)).toEqual(shares);
  });

  it('spreads its steps by a fifth', () => {
    const due = [0, 0.5, 0.999_999].map((random) => stepRamp(startRamp(plan, 0), { now: 0, isAllowed: true, random }));

    expect(due.map((ramp) => Math.round(ramp?.nextAt ?? 0))).toEqual([800, 1000, 1200]);
  });

  it('(2) (3) is over in time whatever the guard says, and never exceeds what there was', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), fc.double({ min: 0, max: 0.999, noNaN: true }), (words, random) => {
        let ramp: RestoreRamp | undefined = startRamp(plan, 0);
        for (let now = 0; ramp !== undefined; now = ramp?.nextAt ?? now) {
          expect(rampShareRatio(ramp)).toBeLessThanOrEqual(1);
          expect(now).toBeLessThanOrEqual(30_000);
          ramp = stepRamp(ramp, { now, isAllowed: words.next().value, random });
        }
      }),
      { numRuns: 50 },
    );
    expect(sharesOf(Array.from({ length: 100 }, () => false)).at(-1)).toBe(0);
  });
});
