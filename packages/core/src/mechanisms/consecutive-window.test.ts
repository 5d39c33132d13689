import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ConsecutiveWindow } from './consecutive-window.ts';

describe('consecutive window', () => {
  it('(1) counts the failures since the last success', () => {
    const property = fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (outcomes) => {
      const window = new ConsecutiveWindow();
      for (const failed of outcomes) window.record(failed);

      const streak = outcomes.length - 1 - outcomes.lastIndexOf(false);
      expect([window.calls, window.failures]).toEqual([streak, streak]);
    });
    fc.assert(property);
  });

  it('(2) keeps one number, and needs no time', () => {
    const window = new ConsecutiveWindow();
    for (let call = 0; call < 10_000; call++) window.record(true);
    window.expire();

    expect(Object.entries(window)).toEqual([['failures', 10_000]]);
    expect(window.needsTime).toBe(false);
  });

  it('saves its failures as one run', () => {
    const window = new ConsecutiveWindow();
    expect(window.save()).toEqual([]);

    window.record(true);
    window.record(true);
    expect(window.save()).toEqual([{ ageMs: 0, calls: 2, failures: 2 }]);
  });
});
