import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { openTimeMs } from './open-time.ts';

const rules = { openForMs: 1000, openBackoffRatio: 2, maxOpenForMs: 5000, openJitterRatio: 0 };
const half = (): number => 0.5;

describe('open time', () => {
  it.each([
    [0, 0, 1000],
    [1, 0, 2000],
    [2, 0, 4000],
    [3, 0, 5000],
    [10_000, 0, 5000],
    [0, 999, 1000],
    [0, 3000, 3000],
    [0, 60_000, 5000],
    [2, 3000, 4000],
  ])('after %d failed rounds, asked to wait %d ms: %d ms', (reopenings, retryAfterMs, expected) => {
    expect(openTimeMs(rules, { reopenings, retryAfterMs }, half)).toBe(expected);
  });

  it('charter D10: is spread by the jitter, and never nothing', () => {
    const input = { reopenings: fc.nat(100), retryAfterMs: fc.nat(1e6) };
    const property = fc.property(
      fc.record(input),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (given, openJitterRatio, drawn) => {
        const plain = openTimeMs(rules, given, half);
        const spread = openTimeMs({ ...rules, openJitterRatio }, given, () => drawn);

        expect(spread).toBeGreaterThan(0);
        expect(Math.abs(spread - plain)).toBeLessThanOrEqual(plain * openJitterRatio + 1e-6);
      },
    );
    fc.assert(property);
    expect(openTimeMs({ ...rules, openJitterRatio: 0.2 }, { reopenings: 0, retryAfterMs: 0 }, () => 0)).toBe(800);
    expect(openTimeMs({ ...rules, openJitterRatio: 0.2 }, { reopenings: 0, retryAfterMs: 0 }, half)).toBe(1000);
  });
});
