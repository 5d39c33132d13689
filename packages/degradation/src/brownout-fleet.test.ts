import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fleetLevel } from './brownout-fleet.ts';

const vote = (node: string, level: number, ageMs = 0) => ({ node, level, ageMs });

describe('brownout fleet', () => {
  it('(1) has no level without enough fresh votes of different processes', () => {
    expect(fleetLevel([])).toBeUndefined();
    expect(fleetLevel([vote('a', 1), vote('b', 2), vote('b', 3)])).toBeUndefined();
    expect(fleetLevel([vote('a', 1), vote('b', 2), vote('c', 3, 5000)])).toBeUndefined();
    expect(fleetLevel([vote('a', 1), vote('b', 2), vote('c', Number.NaN)])).toBeUndefined();
    expect(fleetLevel([vote('a', 1), vote('b', 2), vote('c', 3, 4999)])).toBe(2);
  });

  it('takes the youngest of several votes of a process', () => {
    expect(fleetLevel([vote('a', 4, 10), vote('a', 0, 5), vote('a', 4, 20)], { minVotes: 1 })).toBe(0);
  });

  it('takes the quantile that is asked for, the lower one of two in the middle', () => {
    const votes = [vote('a', 0), vote('b', 1), vote('c', 2), vote('d', 3)];

    expect(fleetLevel(votes)).toBe(1);
    expect(fleetLevel(votes, { quantileRatio: 0 })).toBe(0);
    expect(fleetLevel(votes, { quantileRatio: 0.75 })).toBe(2);
    expect(fleetLevel(votes, { quantileRatio: 1 })).toBe(3);
  });

  it('(2) stays within what the healthy vote while fewer than half of the voters lie', () => {
    const levels = fc.array(fc.double({ min: 0, max: 4, noNaN: true }), { minLength: 3, maxLength: 20 });
    fc.assert(
      fc.property(levels, fc.array(fc.double({ noNaN: true }), { maxLength: 20 }), (honest, lies) => {
        const liars = lies.slice(0, honest.length - 1);
        const votes = [
          ...honest.map((level, n) => vote(`h${n}`, level)),
          ...liars.map((level, n) => vote(`l${n}`, level)),
        ];
        const level = fleetLevel(votes) as number;
        expect(level).toBeGreaterThanOrEqual(Math.min(...honest));
        expect(level).toBeLessThanOrEqual(Math.max(...honest));
      }),
    );
  });

  it.each([
    ['quantileRatio', 1.1],
    ['minVotes', 0],
    ['maxVoteAgeMs', 0],
  ])('refuses %s %s', (option, value) => {
    expect(() => fleetLevel([], { [option]: value })).toThrow(`fleetLevel.${option} must be`);
  });
});
