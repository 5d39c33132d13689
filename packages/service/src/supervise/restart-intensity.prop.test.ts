import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { RestartIntensity } from './restart-intensity.ts';

const rules = fc.record({
  maxRestarts: fc.nat(6),
  withinMs: fc.integer({ min: 1, max: 100 }),
  safeModeAfterCount: fc.constantFrom(1, 2, 3, Infinity),
});

describe('the intensity of restarts', () => {
  it('(1), (2) judges as who counts all restarts since the beginning', () => {
    fc.assert(
      fc.property(rules, fc.array(fc.nat(60), { maxLength: 40 }), (given, gaps) => {
        const intensity = new RestartIntensity(given);
        const all: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          all.push(now);
          const count = all.filter((at) => at >= now - given.withinMs).length;
          const expected =
            count > given.maxRestarts ? 'give-up' : count >= given.safeModeAfterCount ? 'safe-mode' : 'restart';

          expect(intensity.note(now)).toBe(expected);
        }
      }),
    );
  });

  it('(1) allows as many as Erlang does: more than five in a minute are too many', () => {
    const intensity = new RestartIntensity({ maxRestarts: 5, withinMs: 60_000, safeModeAfterCount: 3 });
    const verdicts = [0, 1, 2, 3, 4, 60_000, 60_001].map((at) => intensity.note(at));

    expect(verdicts).toEqual(['restart', 'restart', 'safe-mode', 'safe-mode', 'safe-mode', 'give-up', 'give-up']);
  });
});
