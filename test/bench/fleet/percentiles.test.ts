import { describe, expect, it } from 'vitest';

import { percentilesOf } from './percentiles.ts';

describe('percentilesOf', () => {
  it('takes the nearest rank', () => {
    const values = Array.from({ length: 200 }, (_each, index) => 200 - index);

    expect(percentilesOf(values)).toEqual({ p50: 100, p99: 198, max: 200, count: 200 });
  });

  it('of one value is that value, of none is not a number', () => {
    expect(percentilesOf([7])).toEqual({ p50: 7, p99: 7, max: 7, count: 1 });
    expect(percentilesOf([]).p50).toBeNaN();
  });
});
