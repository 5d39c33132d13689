import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CountWindow } from './count-window.ts';

describe('count window, against an array', () => {
  it('(1) knows the failures among the last calls', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.boolean(), { maxLength: 400, size: 'max' }),
      (size, outcomes) => {
        const window = new CountWindow(size);
        for (const [index, failed] of outcomes.entries()) {
          window.record(failed);
          window.expire();
          const last = outcomes.slice(Math.max(0, index + 1 - size), index + 1);
          expect([window.calls, window.failures]).toEqual([last.length, last.filter(Boolean).length]);
        }
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  it.each([1, 29, 30, 31, 59, 60, 61, 10_000])('(1) is right where words of bits end: size %d', (size) => {
    const window = new CountWindow(size);
    for (let call = 0; call < 2 * size; call++) window.record(true);
    expect([window.calls, window.failures]).toEqual([size, size]);
    for (let call = 0; call < size; call++) {
      window.record(false);
      expect(window.failures).toBe(size - call - 1);
    }
  });

  it('(2) keeps n bits and a few numbers, whatever the traffic', () => {
    const window = new CountWindow(100);
    const before = JSON.stringify(Object.keys(window));
    for (let call = 0; call < 100_000; call++) window.record(call % 3 === 0);

    expect(JSON.stringify(Object.keys(window))).toBe(before);
    expect(window.calls).toBe(100);
    expect(window.needsTime).toBe(false);
  });
});
