import { describe, expect, it } from 'vitest';

import { createDimmer } from './dimmer.ts';

const keys = Array.from({ length: 1000 }, (_each, index) => `user-${index}`);

/** Observes every quarter of a second, the plant's value depending on the share. */
function play(
  dimmer: ReturnType<typeof createDimmer>,
  [from, to]: readonly [number, number],
  value: (share: number) => number,
) {
  const shares: number[] = [];
  for (let now = from; now < to; now += 250) {
    dimmer.observe({ value: value(dimmer.share) }, now);
    shares.push(dimmer.share);
  }
  return shares;
}

describe('dimmer', () => {
  it('(1) falls while the value is above its target, rises while it is below, and stays within 0 and 1', () => {
    const dimmer = createDimmer({ targetMs: 100 });

    expect(play(dimmer, [0, 500], () => 200)).toEqual([0.9, 0.8]);
    expect(play(dimmer, [500, 10_000], () => 10_000).at(-1)).toBe(0);
    expect(dimmer.share).toBe(0);
    expect(play(dimmer, [10_000, 10_250], () => 0)[0]).toBeCloseTo(0.02);
    expect(play(dimmer, [10_250, 40_000], () => 0).at(-1)).toBe(1);
  });

  it.each([Number.NaN, Infinity, -Infinity])('(1) ignores what was measured at %s', (now) => {
    const [dimmer, other] = [createDimmer({ targetMs: 100 }), createDimmer({ targetMs: 100 })];

    for (const at of [now, 250, now, 500, 750]) {
      dimmer.observe({ value: 120 }, at);
      if (at !== now) other.observe({ value: 120 }, at);
    }

    expect(other.share).toBeLessThan(1);
    expect([dimmer.share, dimmer.isBright('ada')]).toEqual([other.share, other.isBright('ada')]);
  });

  it('(1) settles where a plant meets its target', () => {
    const dimmer = createDimmer({ targetRatio: 0.8 });
    const shares = play(dimmer, [0, 120_000], (share) => 0.4 + 0.8 * share);

    expect(dimmer.share).toBeCloseTo(0.5, 2);
    expect(Math.max(...shares.slice(-100)) - Math.min(...shares.slice(-100))).toBeLessThan(0.02);
  });

  it.each([
    [1000, 50, 'up'],
    [0, 150, 'down'],
  ])('(2) has nothing wound up after an hour of %s: with %s it goes %s at once', (long, then, way) => {
    const dimmer = createDimmer({ targetMs: 100 });
    play(dimmer, [0, 3_600_000], () => long);
    const before = dimmer.share;

    dimmer.observe({ value: then }, 3_600_000);

    expect(Math.sign(dimmer.share - before)).toBe(way === 'up' ? 1 : -1);
  });

  it('(3) takes refused requests for the greatest error', () => {
    const dimmer = createDimmer({ targetMs: 100 });
    dimmer.observe({ value: 1, shedRatio: 0.02 }, 0);

    expect(dimmer.share).toBeCloseTo(0.8);
    dimmer.observe({ value: 1, shedRatio: 0.01 }, 250);
    expect(dimmer.share).toBeGreaterThan(0.8);
  });

  it('(4) serves the same keys at their best at every greater share', () => {
    const dimmer = createDimmer({ targetMs: 100 });
    let before = new Set(keys);
    for (let now = 0; dimmer.share > 0; now += 250) {
      dimmer.observe({ value: 150 }, now);
      const bright = new Set(keys.filter((key) => dimmer.isBright(key)));
      expect([...bright].every((key) => before.has(key))).toBe(true);
      expect(Math.abs(bright.size / keys.length - dimmer.share)).toBeLessThan(0.05);
      before = bright;
    }
    expect(before.size).toBe(0);
  });

  it('rises without requests, holds on what is no number, and counts a long silence as a second', () => {
    const dimmer = createDimmer({ targetMs: 100 });
    play(dimmer, [0, 1000], () => 200);
    const { share } = dimmer;

    dimmer.observe({ value: Number.NaN }, 1000);
    expect(dimmer.share).toBe(share);
    dimmer.observe({ value: undefined }, 61_000);
    expect(dimmer.share).toBeCloseTo(share + 0.08);
    dimmer.observe({ value: Infinity }, 61_250);
    expect(dimmer.share).toBeCloseTo(share + 0.08 - 0.2);
  });

  it.each<[object, string]>([
    [{}, 'dimmer.targetMs must be a number from'],
    [{ targetMs: 0 }, 'dimmer.targetMs must be a number from'],
    [{ targetRatio: 1.1 }, 'dimmer.targetRatio must be a number from'],
    [{ targetMs: 1, targetRatio: 1 }, 'dimmer.targetRatio must be omitted where targetMs is given, got 1'],
    [{ targetMs: 1, raisePerSecond: 0 }, 'dimmer.raisePerSecond must be'],
    [{ targetMs: 1, lowerPerSecond: 11 }, 'dimmer.lowerPerSecond must be'],
    [{ targetMs: 1, maxShedRatio: -1 }, 'dimmer.maxShedRatio must be'],
  ])('refuses %s', (options, message) => {
    expect(() => createDimmer(options)).toThrow(message);
  });
});
