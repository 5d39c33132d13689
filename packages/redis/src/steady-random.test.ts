import { onHookError } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { steadyRandom } from './steady-random.ts';

describe('steadyRandom', () => {
  it('draws from what was handed in', () => {
    expect(steadyRandom(() => 0.25, 'redis')()).toBe(0.25);
  });

  it.each([1, -0.1, Number.NaN, '0.5', undefined])('draws for itself where that gives %s, and says so', (drawn) => {
    const told: unknown[] = [];
    const before = onHookError((error) => told.push(error.policy));
    const own = steadyRandom(() => drawn as number, 'redis')();
    onHookError(before);

    expect(own).toBeGreaterThanOrEqual(0);
    expect(own).toBeLessThan(1);
    expect(told).toEqual(['redis']);
  });
});
