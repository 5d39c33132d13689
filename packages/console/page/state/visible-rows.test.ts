import { describe, expect, it } from 'vitest';

import { visibleRows } from './visible-rows.ts';

describe('visibleRows', () => {
  it('(1) draws what is in view and a few more, however many rows there are', () => {
    const { first, end } = visibleRows(100_000, 34, { scrollTop: 34_000, height: 680 });

    expect([first, end]).toEqual([994, 1026]);
  });

  it.each([
    ['the top', 50, 0, [0, 26]],
    ['the end', 50, 34 * 30, [24, 50]],
    ['beyond the end, where rows went', 10, 34 * 90, [10, 10]],
    ['nothing', 0, 0, [0, 0]],
  ] as const)('stays within the rows at %s', (_where, rowCount, scrollTop, span) => {
    const { first, end } = visibleRows(rowCount, 34, { scrollTop, height: 680 });

    expect([first, end]).toEqual(span);
  });
});
