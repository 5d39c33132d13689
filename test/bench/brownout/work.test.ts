import { describe, expect, it } from 'vitest';

import { type Kind, FULL_WORK_MS, workMs } from './work.ts';

const levels = [0, 1, 2, 3, 4];

describe('the work of the brownout benchmark', () => {
  it.each<Kind>(['critical', 'optional'])(
    'is the same for all at level 0 and never more at a higher one: %s',
    (kind) => {
      const costs = levels.map((level) => workMs(kind, level));

      expect(costs[0]).toBeCloseTo(FULL_WORK_MS);
      expect(costs).toEqual(costs.toSorted((a, b) => b - a));
    },
  );

  it('keeps what must be done at every level', () => {
    expect(levels.map((level) => workMs('critical', level)).at(-1)).toBe(2.5);
    expect(levels.map((level) => workMs('optional', level)).at(-1)).toBe(0.8);
  });
});
