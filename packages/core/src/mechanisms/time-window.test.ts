import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TimeWindow } from './time-window.ts';

const setups = fc.record({ bucketMs: fc.integer({ min: 1, max: 20 }), bucketCount: fc.integer({ min: 1, max: 8 }) });
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('record', 'record', 'expire'),
    failed: fc.boolean(),
    waitMs: fc.integer({ min: -5, max: 60 }),
  }),
  { maxLength: 60, size: 'max' },
);

/** Calls whose bucket has not left a window of `bucketCount` buckets that ends with the bucket of `now`. */
function inWindow<C extends { readonly at: number }>(
  calls: readonly C[],
  now: number,
  { bucketMs, bucketCount }: { bucketMs: number; bucketCount: number },
): C[] {
  return calls.filter(({ at }) => Math.floor(at / bucketMs) > Math.floor(now / bucketMs) - bucketCount);
}

describe('time window, against a log', () => {
  it('(1), (2), (3): counts the calls whose bucket is in the window, on write and on read, though time goes back', () => {
    const property = fc.property(setups, steps, fc.nat(100_000), (setup, plan, startMs) => {
      const window = new TimeWindow(setup.bucketMs * setup.bucketCount, setup.bucketCount);
      const log: { at: number; failed: boolean }[] = [];
      let [now, latest] = [startMs, 0];
      for (const { kind, failed, waitMs } of plan) {
        now = Math.max(0, now + waitMs);
        latest = Math.max(latest, now);
        if (kind === 'record') {
          log.push({ at: latest, failed });
          window.record(failed, now);
        } else window.expire(now);
        const calls = log.length === 0 ? [] : inWindow(log, latest, setup);
        expect([window.calls, window.failures]).toEqual([calls.length, calls.filter((call) => call.failed).length]);
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('charter E4: sees a burst that straddles two buckets', () => {
    const window = new TimeWindow(1000, 10);
    for (const at of [95, 99, 100, 105]) window.record(true, at);

    expect(window.failures).toBe(4);
  });

  it('(2) forgets bucket by bucket, at their borders', () => {
    const window = new TimeWindow(1000, 10);
    window.record(true, 99);
    window.record(false, 100);

    window.expire(999);
    expect(window.calls).toBe(2);
    window.expire(1000);
    expect([window.calls, window.failures]).toEqual([1, 0]);
    window.expire(1100);
    expect(window.calls).toBe(0);
  });

  it('(4) charter A5: keeps its buckets and nothing else, whatever the traffic and the pauses', () => {
    const window = new TimeWindow(1000, 10);
    const started = performance.now();
    for (let call = 0; call < 200_000; call++) window.record(call % 2 === 0, call * (call % 1000 === 0 ? 1e6 : 1));

    expect(window.calls).toBeLessThanOrEqual(200_000);
    expect(Object.keys(window).toSorted()).toEqual(['bucketMs', 'calls', 'counts', 'failures', 'newest']);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('saves the buckets that hold calls, the oldest first, as of their middle', () => {
    const window = new TimeWindow(400, 4);
    expect(window.save(1000)).toEqual([]);
    for (const [failed, at] of [
      [true, 1010],
      [false, 1090],
      [true, 1250],
    ] as const)
      window.record(failed, at);

    expect(window.save(1260)).toEqual([
      { ageMs: 210, calls: 2, failures: 1 },
      { ageMs: 10, calls: 1, failures: 1 },
    ]);
    expect(window.save(1410)).toEqual([{ ageMs: 160, calls: 1, failures: 1 }]);
    expect(window.needsTime).toBe(true);
  });
});
