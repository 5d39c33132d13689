import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ConsecutiveWindow } from './consecutive-window.ts';
import { CountWindow } from './count-window.ts';
import { type OutcomeWindow, replay } from './outcome-window.ts';
import { TimeWindow } from './time-window.ts';

const makers: fc.Arbitrary<() => OutcomeWindow> = fc.oneof(
  fc.integer({ min: 1, max: 70 }).map((size) => () => new CountWindow(size)),
  fc.record({ durationMs: fc.integer({ min: 10, max: 200 }), buckets: fc.integer({ min: 1, max: 10 }) }).map(
    ({ durationMs, buckets }) =>
      () =>
        new TimeWindow(durationMs, buckets),
  ),
  fc.constant(() => new ConsecutiveWindow()),
);

const outcomes = fc.array(fc.record({ failed: fc.boolean(), waitMs: fc.nat(20) }), { maxLength: 150, size: 'max' });

describe('a saved window', () => {
  it('goes on as the one that was saved, whatever comes after', () => {
    const property = fc.property(makers, outcomes, outcomes, (make, before, after) => {
      const [original, copy] = [make(), make()];
      let now = 1000;
      for (const { failed, waitMs } of before) original.record(failed, (now += waitMs));
      replay(original.save(now), copy, { now, elapsedMs: 0 });
      expect([copy.calls, copy.failures]).toEqual([original.calls, original.failures]);
      for (const { failed, waitMs } of after) {
        now += waitMs;
        original.record(failed, now);
        copy.record(failed, now);
        expect([copy.calls, copy.failures]).toEqual([original.calls, original.failures]);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('is plain data: runs of calls, the oldest first', () => {
    const window = new CountWindow(4);
    for (const failed of [true, true, true, false, false]) window.record(failed);

    expect(window.save()).toEqual([
      { ageMs: 0, calls: 2, failures: 2 },
      { ageMs: 0, calls: 2, failures: 0 },
    ]);
  });

  it('loses what would have left meanwhile, where it looks at time', () => {
    const window = new TimeWindow(100, 10);
    window.record(true, 5);
    window.record(false, 55);
    const copy = new TimeWindow(100, 10);
    replay(window.save(60), copy, { now: 60, elapsedMs: 60 });

    expect([copy.calls, copy.failures]).toEqual([1, 0]);
  });
});
