import { assert, constantFrom, integer, property, record, array } from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { RuledState } from '../kernel/circuit-store.ts';
import { rulingOf } from '../testing/fleet-table.ts';
import { KnownRuling } from './known-ruling.ts';
import { stateRanks } from './ruling.ts';

const states: readonly RuledState[] = ['closed', 'half-open', 'open', 'forced-open', 'forced-closed'];

describe('KnownRuling', () => {
  it('begins closed, at no epoch, with no time', () => {
    const known = new KnownRuling('prices');

    expect([known.epoch, known.state(5), known.remainingMs(5), known.until]).toEqual([0, 'closed', 0, -Infinity]);
    expect([known.reopenings, known.free, known.spanMs, known.notes]).toEqual([0, 0, 0, {}]);
    expect(known.toRuling(5)).toEqual(rulingOf({ epoch: 0, state: 'closed' }));
  });

  it('(1) never lets the pair of epoch and rank fall', () => {
    const arriving = record({
      epoch: integer({ min: 1, max: 4 }),
      state: constantFrom(...states),
      remainingMs: integer({ min: -50, max: 100 }),
    });
    assert(
      property(array(arriving, { maxLength: 30 }), (arrivals) => {
        const known = new KnownRuling('prices');
        let [epoch, rank] = [0, -1];
        arrivals.forEach(({ epoch: next, state, remainingMs }, at) => {
          const adoption = known.adopt(rulingOf({ epoch: next, state, remainingMs, spanMs: 100 }), at);
          const isBelow = next < epoch || (next === epoch && stateRanks[state] < rank);
          expect(adoption === 'older').toBe(isBelow);
          if (!isBelow) [epoch, rank] = [next, stateRanks[state]];
          expect(known.epoch).toBe(epoch);
        });
      }),
    );
  });

  it('(1) takes the safer of two rulings of one epoch', () => {
    const known = new KnownRuling('prices');
    known.adopt(rulingOf({ epoch: 7, state: 'closed' }), 0);

    expect(known.adopt(rulingOf({ epoch: 7, state: 'open', remainingMs: 100 }), 0)).toBe('newer');
    expect(known.adopt(rulingOf({ epoch: 7, state: 'half-open' }), 0)).toBe('older');
    expect(known.state(0)).toBe('open');
  });

  it('(2) counts the deadline from receipt, and never moves it out while the ruling stays', () => {
    const known = new KnownRuling('prices');
    known.adopt(rulingOf({ epoch: 7, state: 'open', remainingMs: 100 }), 1000);
    expect([known.until, known.remainingMs(1099)]).toEqual([1100, 1]);

    expect(known.adopt(rulingOf({ epoch: 7, state: 'open', remainingMs: 100 }), 1050)).toBe('same');
    expect(known.until).toBe(1100);
    known.adopt(rulingOf({ epoch: 7, state: 'open', remainingMs: 30, spanMs: 100 }), 1060);
    expect(known.until).toBe(1090);

    expect(known.adopt(rulingOf({ epoch: 8, state: 'open', remainingMs: 500 }), 1070)).toBe('newer');
    expect(known.until).toBe(1570);
  });

  it('takes a deadline that comes later with the same ruling, and none of a half-open one', () => {
    const known = new KnownRuling('prices');
    known.adopt(rulingOf({ epoch: 7, state: 'closed' }), 0);
    known.adopt(rulingOf({ epoch: 7, state: 'closed', remainingMs: 40 }), 10);
    expect(known.until).toBe(50);
    known.adopt(rulingOf({ epoch: 8, state: 'half-open', remainingMs: 40 }), 10);

    expect([known.until, known.remainingMs(10), known.spanMs]).toEqual([-Infinity, 0, 40]);
  });

  it.each([
    ['forced-open', 'open'],
    ['forced-closed', 'closed'],
    ['open', 'open'],
  ] as const)('(3) a circuit that is %s is %s when the time is over', (state, after) => {
    const known = new KnownRuling('prices');
    known.adopt(rulingOf({ epoch: 7, state, remainingMs: 100 }), 0);

    expect([known.state(99), known.state(100), known.remainingMs(130)]).toEqual([state, after, -30]);
  });

  it('(3) takes a hold that is over for the same ruling as what it leads to', () => {
    const known = new KnownRuling('prices');
    known.adopt(rulingOf({ epoch: 7, state: 'forced-closed', remainingMs: 100 }), 0);

    expect(known.adopt(rulingOf({ epoch: 7, state: 'closed' }), 150)).toBe('same');
    expect(known.adopt(rulingOf({ epoch: 7, state: 'forced-closed', remainingMs: 1 }), 150)).toBe('older');
  });

  it('tells what the ledger lost as it was, with the time that is left, which may be less than none', () => {
    const known = new KnownRuling('prices');
    const notes = { why: 'held', by: 'ops' };
    known.adopt(rulingOf({ epoch: 7, state: 'forced-open', remainingMs: 100, reopenings: 2, notes }), 0);

    expect(known.toRuling(130)).toEqual(
      rulingOf({ epoch: 7, state: 'forced-open', remainingMs: -30, spanMs: 100, reopenings: 2, notes }),
    );
  });
});
