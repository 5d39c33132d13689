import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LatencyHistogram, type LatencyHistogramShape } from './latency-histogram.ts';

const shape = { unitMs: 0.125, maxMs: 600_000, precisionBits: 4, windowMs: Infinity };
const make = (changes: Partial<LatencyHistogramShape> = {}) => new LatencyHistogram({ ...shape, ...changes });

/** Latencies of all orders, whole, broken, and at the borders of buckets. */
const latencies = fc.oneof(
  fc.double({ min: 0, max: 600_000, noNaN: true }),
  fc.double({ min: 0, max: 10, noNaN: true }),
  fc.nat(1000),
  fc.nat(22).map((power) => 2 ** power / 8),
);
const shares = fc.oneof(fc.constantFrom(0.5, 0.95, 0.99, 1), fc.double({ min: 1e-6, max: 1, noNaN: true }));

/** The quantile by nearest rank, of a list that is sorted. */
function naive(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1] as number;
}

/** How far a quantile may be off. */
function tolerance(value: number, { unitMs, precisionBits }: LatencyHistogramShape): number {
  return Math.max(value / 2 ** (precisionBits + 1), unitMs / 2) * (1 + 1e-12);
}

describe('latency histogram, against a sorted list', () => {
  it('(1) gives each quantile with the stated relative error, whatever the latencies', () => {
    const property = fc.property(
      fc.array(latencies, { minLength: 1, maxLength: 200, size: 'max' }),
      shares,
      fc.integer({ min: 1, max: 10 }),
      (values, q, precisionBits) => {
        const histogram = make({ precisionBits });
        for (const value of values) histogram.record(value, 0);
        const expected = naive(values, q);
        expect(Math.abs(histogram.quantile(q) - expected)).toBeLessThanOrEqual(
          tolerance(expected, { ...shape, precisionBits }),
        );
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  it('(2) tells of the values whose half is in the window, though time goes back', () => {
    const steps = fc.array(
      fc.record({
        record: fc.boolean(),
        value: fc.integer({ min: 1, max: 5000 }),
        waitMs: fc.integer({ min: -5, max: 60 }),
      }),
      { maxLength: 60, size: 'max' },
    );
    const property = fc.property(steps, fc.integer({ min: 1, max: 40 }), fc.nat(100_000), (plan, halfMs, startMs) => {
      const own = { ...shape, windowMs: 2 * halfMs };
      const histogram = new LatencyHistogram(own);
      const log: { at: number; value: number }[] = [];
      let [now, latest] = [startMs, 0];
      for (const { record, value, waitMs } of plan) {
        now = Math.max(0, now + waitMs);
        latest = Math.max(latest, now);
        if (record) log.push({ at: latest, value });
        if (record) histogram.record(value, now);
        else histogram.expire(now);
        const half = Math.floor(latest / halfMs);
        const kept = log.filter(({ at }) => Math.floor(at / halfMs) >= half - 1).map((each) => each.value);
        expect(histogram.count).toBe(kept.length);
        if (kept.length === 0) continue;
        const median = naive(kept, 0.5);
        expect(Math.abs(histogram.quantile(0.5) - median)).toBeLessThanOrEqual(tolerance(median, own));
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });
});

describe('latency histogram', () => {
  it('has no quantile before the first value', () => {
    expect(make().quantile(0.5)).toBeNaN();
    expect(make().count).toBe(0);
  });

  it('counts what is out of range at the ends', () => {
    const histogram = make();
    histogram.record(-5, 0);
    expect(histogram.quantile(1)).toBe(0.0625);
    for (const longMs of [600_000, 1e9, Infinity]) histogram.record(longMs, 0);
    expect(histogram.count).toBe(4);
    expect(Math.abs(histogram.quantile(1) - 600_000)).toBeLessThanOrEqual(600_000 / 32);
  });

  it('(2) says whether it forgot anything, half by half, at their borders', () => {
    const histogram = make({ windowMs: 1000 });
    histogram.record(10, 499);
    histogram.record(20, 500);

    expect([histogram.expire(999), histogram.count]).toEqual([false, 2]);
    expect([histogram.expire(1000), histogram.count]).toEqual([true, 1]);
    expect([histogram.expire(1499), histogram.count]).toEqual([false, 1]);
    expect([histogram.expire(9000), histogram.count]).toEqual([true, 0]);
    expect([histogram.expire(9500), histogram.count]).toEqual([false, 0]);
    histogram.record(30, 9600);
    expect([histogram.expire(10_999), histogram.count]).toEqual([true, 0]);
    histogram.record(30, 10_999);
    expect(Math.abs(histogram.quantile(0.5) - 30)).toBeLessThanOrEqual(30 / 32);
  });

  it('(3) charter A6: keeps a million values of one window in the counters that it has', () => {
    const histogram = make();
    for (let call = 0; call < 1_000_000; call++) histogram.record(call % 1000, call);

    expect(histogram.count).toBe(1_000_000);
    const { younger, older } = histogram as unknown as { younger: Uint32Array; older: Uint32Array };
    expect(younger.byteLength + older.byteLength).toBeLessThan(4096);
    expect(Math.abs(histogram.quantile(0.95) - 949)).toBeLessThanOrEqual(949 / 32);
  });

  it('(3) a counter that is full counts no further', () => {
    const histogram = make();
    const { younger } = histogram as unknown as { younger: Uint32Array };
    histogram.record(10, 0);
    younger[younger.indexOf(1)] = 2 ** 32 - 1;
    histogram.record(10, 0);

    expect(histogram.count).toBe(1);
    expect(younger).toContain(2 ** 32 - 1);
  });

  it('(2) has forgotten nothing when it looks at the time first, nor when only the younger half grew old', () => {
    const histogram = make({ windowMs: 200 });

    expect(histogram.expire(1000)).toBe(false);
    histogram.record(5, 1000);
    expect(histogram.expire(1100)).toBe(false);
    expect(histogram.count).toBe(1);
    expect(histogram.expire(1200)).toBe(true);
    histogram.record(5, 1200);
    expect(histogram.expire(1400)).toBe(true);
    expect(histogram.count).toBe(0);
  });
});
