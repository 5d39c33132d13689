import { describe, expect, it } from 'vitest';

import type { Sample } from '../api/answers.ts';
import { lastOf, linePath, outcomePaths } from './outcome-paths.ts';

const view = { count: 4, width: 40, height: 10 };

function sample(row: readonly number[] | undefined): Sample {
  return {
    atMs: 0,
    spanMs: 1000,
    level: 0,
    circuits: row === undefined ? {} : { a: row },
    pipelines: {},
    latencies: {},
  };
}

describe('outcomePaths', () => {
  it('stacks failures, refusals and successes, the newest at the right', () => {
    const paths = outcomePaths([sample([5, 5, 0, 0]), sample([0, 0, 0, 2])], ({ circuits }) => circuits['a'], view);

    expect(paths).toEqual({
      failure: 'M20 10V5H29V10Z',
      success: 'M20 5V0H29V5Z',
      refused: 'M30 10V8H39V10Z',
      peak: 10,
    });
  });

  it('draws nothing where there were no calls, and at least a pixel where there was one', () => {
    const rowOf = ({ circuits }: Sample) => circuits['a'];

    expect(outcomePaths([sample(undefined)], rowOf, view)).toEqual({ failure: '', success: '', refused: '', peak: 1 });
    expect(outcomePaths([sample([10_000, 1, 0, 0])], rowOf, view).failure).toBe('M30 10V9H39V10Z');
  });
});

describe('linePath', () => {
  it('goes through the values, with gaps where there are none', () => {
    expect(linePath([0, 10, undefined, 5], 10, view)).toBe('M5 10h0.1L15 1M35 5.5h0.1');
    expect(linePath([undefined], 0, view)).toBe('');
  });
});

describe('lastOf', () => {
  it('fills up in front', () => {
    expect(lastOf([1, 2], 4)).toEqual([undefined, undefined, 1, 2]);
    expect(lastOf([1, 2, 3], 2)).toEqual([2, 3]);
  });
});
