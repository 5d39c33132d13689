import { describe, expect, it } from 'vitest';

import { passRatioOf, remainingRampMs, restOfRamp } from './ramp.ts';

describe('ramp', () => {
  it('(1) lets a share pass that grows evenly from a tenth to all', () => {
    const ramp = { startedAt: 1000 };

    expect([1000, 1100, 1500, 1999, 2000, 3000].map((now) => passRatioOf(ramp, 1000, now))).toEqual([
      0.1, 0.1, 0.5, 0.999, 1, 1,
    ]);
    expect([1000, 1999, 2000, 3000].map((now) => remainingRampMs(ramp, 1000, now))).toEqual([1000, 1, 0, 0]);
  });

  it('goes on where another node has begun it', () => {
    const ramp = restOfRamp(300, 1000, 5000)!;
    expect([passRatioOf(ramp, 1000, 5000), remainingRampMs(ramp, 1000, 5000)]).toEqual([0.7, 300]);
  });

  it('is never longer than this breaker makes it, nor there where this breaker has none, or it is over', () => {
    expect(restOfRamp(3000, 1000, 5000)).toEqual({ startedAt: 5000 });
    expect([restOfRamp(0, 1000, 5000), restOfRamp(300, 0, 5000)]).toEqual([undefined, undefined]);
  });
});
