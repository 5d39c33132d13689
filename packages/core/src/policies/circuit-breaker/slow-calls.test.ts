import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CountWindow } from '../../mechanisms/count-window.ts';
import { SlowCalls, type TimedMember } from './slow-calls.ts';

class Running implements TimedMember {
  previous: TimedMember['previous'] = undefined;
  next: TimedMember['next'] = undefined;
  readonly startedAt: number;

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }
}

describe('slow calls', () => {
  it('slow calls (1), (2) are each counted once, as slow or as fast, and forgotten when they have ended', () => {
    const steps = fc.array(
      fc.record({
        waitMs: fc.nat(20),
        starts: fc.nat(3),
        ends: fc.option(fc.nat(5), { nil: undefined }),
        says: fc.boolean(),
      }),
    );
    const property = fc.property(steps, fc.integer({ min: 1, max: 30 }), (given, slowCallMs) => {
      const slow = new SlowCalls(new CountWindow(10_000));
      const running: Running[] = [];
      let [now, slowCount, fastCount] = [0, 0, 0];
      const judged = new Set<Running>();
      for (const { waitMs, starts, ends, says } of given) {
        now += waitMs;
        const overdue = running.filter((call) => !judged.has(call) && now - call.startedAt >= slowCallMs);
        for (const call of overdue) judged.add(call);
        slowCount += overdue.length;
        expect(slow.judge(now, slowCallMs)).toBe(overdue.length > 0);
        if (ends !== undefined && running.length > 0) {
          const [call] = running.splice(ends % running.length, 1) as [Running];
          if (says && !judged.has(call)) fastCount++;
          slow.end(call, says, now);
          expect([call.previous, call.next]).toEqual([undefined, undefined]);
        }
        for (let start = 0; start < starts; start++) {
          const call = new Running(now);
          running.push(call);
          slow.begin(call);
        }
        expect([slow.window.failures, slow.window.calls]).toEqual([slowCount, slowCount + fastCount]);
      }
    });
    fc.assert(property);
  });
});
