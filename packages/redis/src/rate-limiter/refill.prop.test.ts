import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Flow, type RefillNeed, askFor, pauseMs, shareOf } from './refill.ts';

const needs: fc.Arbitrary<RefillNeed> = fc.record({
  demandPerMs: fc.double({ min: 0, max: 100, noNaN: true }),
  batchMs: fc.integer({ min: 10, max: 30_000 }),
  inHand: fc.nat(200),
  queuedCost: fc.nat(500),
  firstCost: fc.nat(20),
  mayHold: fc.integer({ min: 1, max: 300 }),
  fairShare: fc.integer({ min: 1, max: 300 }),
});

describe('askFor', () => {
  it('(1) asks for no more than the line and the hand may take', () => {
    const property = fc.property(needs, (need) => {
      const { want } = askFor(need);
      const most = Math.min(need.queuedCost, need.fairShare) + need.mayHold;
      expect(want === 0 || want + need.inHand <= Math.max(most, need.firstCost)).toBe(true);
    });
    fc.assert(property);
  });

  it('(2) asks for what the first in line lacks, all or nothing', () => {
    const property = fc.property(needs, (need) => {
      const lacking = Math.max(0, need.firstCost - need.inHand);
      const { want, least } = askFor(need);
      expect(want).toBeGreaterThanOrEqual(lacking);
      expect(least).toBe(want === 0 ? 0 : Math.max(1, lacking));
    });
    fc.assert(property);
  });

  it('asks for nothing where there is enough', () => {
    const need = { demandPerMs: 0.1, batchMs: 100, queuedCost: 0, firstCost: 0, mayHold: 50, fairShare: 50 };

    expect(askFor({ ...need, inHand: 9 })).toEqual({ want: 1, least: 1 });
    expect(askFor({ ...need, inHand: 10 })).toEqual({ want: 0, least: 0 });
  });
});

describe('shareOf', () => {
  it('divides by the nodes, and leaves each at least 1', () => {
    expect(shareOf(1000, 0.2, 8)).toBe(25);
    expect(shareOf(10, 0.2, 8)).toBe(1);
    expect(shareOf(10, 1, 0)).toBe(10);
  });
});

describe('pauseMs', () => {
  it('waits for as long as the store said, and for a handful to gather, but never for a burst', () => {
    expect(pauseMs(700, 1000, 200, 0.5)).toBe(700);
    expect(pauseMs(1, 1000, 200, 0)).toBe(12.5);
    expect(pauseMs(1, 8, 200, 0)).toBe(1);
    expect(pauseMs(0.1, 8, 200, 0.999)).toBeLessThan(2);
  });
});

describe('Flow', () => {
  it('comes to a steady rate from nothing, and forgets it', () => {
    const flow = new Flow(0, 200);
    for (let at = 10; at <= 2000; at += 10) {
      flow.note(20);
      flow.look(at);
    }
    expect(flow.perMs).toBeCloseTo(2, 3);
    expect(flow.look(2200)).toBeCloseTo(2 / Math.E, 2);
  });

  it('is a number of 0 or more, however often it is looked at', () => {
    const property = fc.property(fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { maxLength: 200 }), (gaps) => {
      const flow = new Flow(0, 200);
      let at = 0;
      for (const gap of gaps) {
        at += gap;
        flow.note(1);
        expect(flow.look(at)).toBeGreaterThanOrEqual(0);
        expect(flow.perMs).toBeLessThanOrEqual(gaps.length);
      }
    });
    fc.assert(property);
  });
});
