import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { levelFor } from './brownout-bucket.ts';
import { positionAtLevel } from './level-map.ts';
import { bucketOf } from './targeting.ts';

const keys = Array.from({ length: 10_000 }, (_each, index) => `user-${index}`);

describe('brownout bucket', () => {
  it('(1) is the same for the same key in every process', () => {
    const few = ['ada', 'grace', 'user-1', 'user-2', ''];
    expect(few.map((key) => levelFor(key, 1.5))).toMatchInlineSnapshot(`
      [
        1,
        2,
        1,
        1,
        1,
      ]
    `);
  });

  it('(1) is that of a level map of one level per mode', () => {
    const map = [1, 2, 3, 4].map((level) => ({ level, position: level }));
    for (const key of keys.slice(0, 500))
      for (const level of [0, 0.3, 1, 2.7])
        expect(positionAtLevel(map, level, bucketOf('level', key))).toBe(levelFor(key, level));
  });

  it.each([0.1, 1.25, 2.5, 3.9])('(2) puts the share of the fraction one level further at %s', (level) => {
    const levels = keys.map((key) => levelFor(key, level));
    const further = levels.filter((each) => each === Math.ceil(level)).length / keys.length;

    expect(new Set(levels)).toEqual(new Set([Math.floor(level), Math.ceil(level)]));
    expect(Math.abs(further - (level % 1))).toBeLessThan(0.02);
  });

  it('(3) never improves anybody by raising the level', () => {
    const level = fc.double({ min: 0, max: 9, noNaN: true });
    fc.assert(
      fc.property(fc.string(), level, level, (key, one, other) => {
        expect(levelFor(key, Math.max(one, other))).toBeGreaterThanOrEqual(levelFor(key, Math.min(one, other)));
      }),
    );
  });

  it.each([0, -1, Number.NaN])('is 0 at level %s', (level) => {
    expect(levelFor('ada', level)).toBe(0);
  });
});
