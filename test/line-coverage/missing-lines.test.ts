import { describe, expect, it } from 'vitest';

import { missingLines, toRanges } from './missing-lines.ts';

const covered = (...statements: readonly (readonly [line: number, count: number])[]) => ({
  statementMap: Object.fromEntries(statements.map(([line], id) => [id, { start: { line } }])),
  s: Object.fromEntries(statements.map(([, count], id) => [id, count])),
});

describe('missing lines', () => {
  it('are those on which no statement ran', () => {
    expect(missingLines(covered([9, 0], [1, 1], [3, 0], [3, 2], [4, 0], [5, 0]))).toEqual([4, 5, 9]);
  });

  it('are written as ranges', () => {
    expect([toRanges([]), toRanges([4]), toRanges([3, 4, 5, 9, 11, 12])]).toEqual(['', '4', '3-5, 9, 11-12']);
  });
});
