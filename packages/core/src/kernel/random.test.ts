import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { HookError } from './errors.ts';
import { onHookError } from './hooks.ts';
import { drawFrom, steadyRandom, systemRandom } from './random.ts';

describe('systemRandom', () => {
  it('gives numbers from 0, included, to 1, excluded, that differ', () => {
    const numbers = Array.from({ length: 100 }, systemRandom);

    for (const number of numbers) expect(number >= 0 && number < 1).toBe(true);
    expect(new Set(numbers).size).toBeGreaterThan(90);
  });
});

describe('charter C5: a number drawn from a port', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it.each([0, 0.5, 1 - Number.EPSILON])('is what the port gives: %d', (number) => {
    expect(drawFrom(() => number, 'prices')).toBe(number);
    expect(hookErrors).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['throws', () => JSON.parse('{')],
    ['gives 1', () => 1],
    ['gives a negative number', () => -Number.MIN_VALUE],
    ['gives NaN', () => Number.NaN],
    ['gives no number', () => '0.5'],
    ['is async', () => Promise.reject(new Error('late'))],
  ])('is none, and that is reported, where the port %s', (_how, random) => {
    expect(drawFrom(random as () => number, 'prices')).toBeUndefined();
    expect(hookErrors).toMatchObject([{ hook: 'random', policy: 'prices' }]);
  });

  it.each([1, -0.1, Number.NaN, '0.5', undefined])('is another where a steady source is given %s', (drawn) => {
    const number = steadyRandom(() => drawn as number, 'prices')();

    expect(number >= 0 && number < 1).toBe(true);
    expect(hookErrors).toMatchObject([{ hook: 'random', policy: 'prices' }]);
    expect(steadyRandom(() => 0.25, 'prices')()).toBe(0.25);
  });
});
