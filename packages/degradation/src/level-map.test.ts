import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkLevelMap, isSameForAll, positionAtLevel } from './level-map.ts';

const modes = ['full', 'cached', 'reduced', 'off'];
const map = checkLevelMap('x', { 0.5: 'cached', 2: 'reduced', 3: 'off' }, { modes, essential: false });
const level = fc.double({ min: 0, max: 4, noNaN: true });
const bucket = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('positionAtLevel', () => {
  it.each([
    [0, 0, 0],
    [0.25, 0.49, 1],
    [0.25, 0.5, 0],
    [0.5, 0.99, 1],
    [1, 0, 1],
    [1.3, 0.29, 2],
    [1.3, 0.31, 1],
    [2, 0.99, 2],
    [2.5, 0.4, 3],
    [4, 0.99, 3],
  ])('at level %d gives bucket %d the mode %i', (at, of, position) => {
    expect(positionAtLevel(map, at, of)).toBe(position);
  });

  it('(1) gives no better mode at a higher level', () => {
    fc.assert(
      fc.property(level, level, bucket, (a, b, of) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(positionAtLevel(map, high, of)).toBeGreaterThanOrEqual(positionAtLevel(map, low, of));
      }),
    );
  });

  it('(2) gives no better mode to a lower bucket', () => {
    fc.assert(
      fc.property(level, bucket, bucket, (at, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(positionAtLevel(map, at, low)).toBeGreaterThanOrEqual(positionAtLevel(map, at, high));
      }),
    );
  });

  it('(3) touches what is essential at the highest level only, then for all at once', () => {
    const essential = checkLevelMap('x', { 4: 'off' }, { modes, essential: true });

    fc.assert(fc.property(level, bucket, (at, of) => at === 4 || positionAtLevel(essential, at, of) === 0));
    expect(positionAtLevel(essential, 4, 0.99)).toBe(3);
    expect(() => checkLevelMap('x', { 3: 'off' }, { modes, essential: true })).toThrow('essential');
  });

  it('knows where all buckets get the same', () => {
    fc.assert(
      fc.property(level, bucket, bucket, (at, a, b) => {
        fc.pre(isSameForAll(map, at));
        expect(positionAtLevel(map, at, a)).toBe(positionAtLevel(map, at, b));
      }),
    );
    expect([0, 0.5, 1, 2, 3, 4].filter((at) => isSameForAll(map, at))).toEqual([0, 0.5, 1, 2, 3, 4]);
    expect([0.2, 1.5, 2.5].filter((at) => isSameForAll(map, at))).toEqual([]);
  });
});
