import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ServerTime } from './server-time.ts';

describe('ServerTime', () => {
  it('knows nothing before the first answer', () => {
    expect(new ServerTime().at(5)).toBeUndefined();
  });

  it('takes the middle of what is possible', () => {
    const time = new ServerTime();
    time.note(100, 110, 5000);

    expect(time.at(110)).toBeCloseTo(5005.5);
  });

  it('(1) narrows what it knows by each answer', () => {
    const time = new ServerTime();
    time.note(100, 5100, 7000); // a process that was stopped between question and answer
    time.note(6000, 6001, 10_000);

    expect(time.at(6001)).toBeCloseTo(10_001);
  });

  it('(1) believes the answer where the clock of the server was set', () => {
    const time = new ServerTime();
    time.note(0, 1, 5000);
    time.note(1000, 1001, 66_000);
    expect(time.at(1001)).toBeCloseTo(66_001);
    time.note(2000, 2001, 3000);
    expect(time.at(2001)).toBeCloseTo(3001);
  });

  it('(2) does not hold on to what it has known for long', () => {
    const time = new ServerTime();
    time.note(0, 0, 1000);
    time.note(70_000, 70_010, 71_004); // drifted, within what was possible

    expect(time.at(70_010)).toBeCloseTo(71_009.5);
  });

  it('is off by half a round trip at the most', () => {
    const answers = fc.array(fc.record({ gap: fc.nat(1000), there: fc.nat(50), back: fc.nat(50) }), { minLength: 1 });
    fc.assert(
      fc.property(answers, fc.integer({ min: 0, max: 2 ** 41 }), (all, offset) => {
        const time = new ServerTime();
        let now = 0;
        let best = Infinity;
        for (const { gap, there, back } of all.slice(0, 40)) {
          const sentAt = now + gap;
          now = sentAt + there + back;
          time.note(sentAt, now, sentAt + there + offset);
          best = Math.min(best, there + back);
        }
        expect(Math.abs((time.at(now) ?? 0) - now - offset)).toBeLessThanOrEqual(best / 2 + 1);
      }),
    );
  });
});
