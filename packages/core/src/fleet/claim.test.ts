import { describe, expect, it } from 'vitest';

import { Claim, DEMAND_MS } from './claim.ts';

const names = () => {
  let count = 0;
  return () => `c${++count}`;
};

describe('Claim', () => {
  it('(1) is due at the end of the open time and not before', () => {
    const claim = new Claim();
    claim.noteDemand(900);
    expect([claim.isWanted, claim.dueAt]).toEqual([false, Infinity]);
    claim.want(names(), 1000);

    expect([claim.isWanted, claim.dueAt, claim.ask(999), claim.ask(1000)]).toEqual([true, 1000, undefined, 'c1']);
  });

  it('(1) is not due before what it was put off to', () => {
    const claim = new Claim();
    claim.noteDemand(0);
    claim.postpone(500);
    claim.want(names(), 100);
    expect([claim.dueAt, claim.waitMs(200), claim.waitMs(700)]).toEqual([500, 300, 0]);
    claim.forget();
    expect([claim.dueAt, claim.isWanted, claim.waitMs(200)]).toEqual([Infinity, false, 0]);
    claim.want(names(), 100);
    expect(claim.dueAt).toBe(100);
  });

  it('(2) is repeated under the same name until it has ended, and then has another', () => {
    const claim = new Claim();
    const next = names();
    claim.noteDemand(0);
    claim.want(next, 10);
    claim.want(next, 5);
    expect([claim.ask(10), claim.ask(20), claim.isBy('c1'), claim.isBy('c2')]).toEqual(['c1', 'c1', true, false]);
    claim.postpone(30);
    expect([claim.ask(40), claim.isBy('c1')]).toEqual([undefined, false]);
    claim.want(next, 10);

    expect(claim.ask(40)).toBe('c2');
  });

  it('(3) asks for nothing where no call has come for a while', () => {
    const claim = new Claim();
    expect(claim.hasDemand(0)).toBe(false);
    claim.noteDemand(100);
    expect([claim.hasDemand(99 + DEMAND_MS), claim.hasDemand(100 + DEMAND_MS)]).toEqual([true, false]);
    claim.want(names(), 200);

    expect(claim.ask(100 + DEMAND_MS)).toBeUndefined();
    expect([claim.isWanted, claim.dueAt]).toEqual([false, Infinity]);
  });
});
