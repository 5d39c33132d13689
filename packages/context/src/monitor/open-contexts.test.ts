import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Histogram } from './histogram.ts';
import { type OpenContext, OpenContexts } from './open-contexts.ts';

const root = Context.withClock(virtualClock());
const opened = (name = 'x'): OpenContext & { end: () => void } => {
  const context = root.withCancel();
  return { context, openedAt: 0, name, origin: undefined, end: () => context.cancel() };
};
const never = (): boolean => false;

describe('open contexts', { timeout: 60_000 }, () => {
  it('(1), (2): keep no more than live, and as many that have ended, whatever the traffic', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 400, size: 'max' }), (endings) => {
        const contexts = new OpenContexts(never, () => {});
        const live: ReturnType<typeof opened>[] = [];
        let most = 0;
        for (const ending of endings) {
          const one = opened();
          contexts.add(one);
          live.push(one);
          most = Math.max(most, live.length);
          if (ending < live.length) live.splice(ending, 1)[0]?.end();
          expect(contexts.size).toBeLessThanOrEqual(2 * most + 2);
        }
        expect(contexts.sweep()).toBe(live.length);
      }),
    );
  });

  it('(2): let go of one that has ended after as many openings as were open', () => {
    const contexts = new OpenContexts(never, () => {});
    const first = opened();
    for (const one of [...Array.from({ length: 999 }, () => opened()), first]) contexts.add(one);
    first.end();
    for (let count = 0; count < 1000; count++) contexts.add(opened());

    expect(contexts.size).toBe(1999);
    expect(contexts.sweep()).toBe(1999);
  });

  it('(3): tell once of one that is overdue, and never of one that has ended', () => {
    const told: string[] = [];
    const contexts = new OpenContexts(({ name }) => name !== 'fine', ({ name }) => told.push(name)); // prettier-ignore
    const ended = opened('ended');
    ended.end();
    for (const one of [opened('fine'), opened('late'), ended]) contexts.add(one);

    expect([contexts.sweep(), contexts.sweep()]).toEqual([1, 1]);
    expect(told).toEqual(['late']);
  });

  it('have room for a number of them', () => {
    const contexts = new OpenContexts(never, () => {});
    expect(contexts.hasRoom(0)).toBe(false);
    const one = opened();
    contexts.add(one);
    expect([contexts.hasRoom(1), contexts.hasRoom(2)]).toEqual([false, true]);
    one.end();
    expect(contexts.hasRoom(1)).toBe(true);
  });
});

describe('histogram', { timeout: 60_000 }, () => {
  it('(1): counts a value in each bucket whose bound it does not exceed', () => {
    const histogram = new Histogram([1, 5]);
    for (const value of [0, 1, 1.5, 5, 6]) histogram.add(value);

    expect(histogram.snapshot()).toEqual({ bounds: [1, 5, Infinity], counts: [2, 4, 5], sum: 13.5, count: 5 });
    expect(new Histogram([]).snapshot()).toEqual({ bounds: [Infinity], counts: [0], sum: 0, count: 0 });
  });
});
