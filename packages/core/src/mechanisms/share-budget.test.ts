import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ShareBudget } from './share-budget.ts';

/** Spends all that there is, and says how much it was. */
function spendAll(budget: ShareBudget): number {
  let spent = 0;
  while (spent < 1000 && budget.spend()) spent++;
  return spent;
}

describe('share budget', () => {
  it('starts with burstCount extras, and earns one by 1 / ratio calls, not by one less', () => {
    const budget = new ShareBudget(0.1, 5);
    expect(spendAll(budget)).toBe(5);

    for (let call = 0; call < 9; call++) budget.earn();
    expect(budget.spend()).toBe(false);

    budget.earn();
    expect(spendAll(budget)).toBe(1);
  });

  it('(3) saves no more than burstCount, however many calls there were', () => {
    const budget = new ShareBudget(0.5, 3);
    for (let call = 0; call < 10_000; call++) budget.earn();

    expect(spendAll(budget)).toBe(3);
    expect(Object.values(budget).every((value) => typeof value === 'number')).toBe(true);
  });

  it('takes back what was not made, and saves no more than burstCount of it', () => {
    const budget = new ShareBudget(0.5, 3);
    const spent = [budget.spend(), budget.spend(), budget.spend(), budget.spend()];
    expect(spent).toEqual([true, true, true, false]);

    budget.giveBack();
    expect([budget.savedCount, budget.spend(), budget.spend()]).toEqual([1, true, false]);
    for (let times = 0; times < 5; times++) budget.giveBack();
    expect(budget.savedCount).toBe(3);
  });

  it('(2) gives nothing back that a ratio of 0 could spend', () => {
    const budget = new ShareBudget(1, 1);
    budget.spend();
    budget.changeRatio(0);
    budget.giveBack();

    expect([budget.savedCount, budget.spend()]).toEqual([0, false]);
  });

  it('(2) allows none where the ratio is 0, ever', () => {
    const budget = new ShareBudget(0, 10);
    for (let call = 0; call < 1000; call++) budget.earn();

    expect(budget.spend()).toBe(false);
  });

  it('gives the burst and then as good as none where the ratio is as small as a number can be', () => {
    const budget = new ShareBudget(Number.MIN_VALUE, 2);
    for (let call = 0; call < 1000; call++) budget.earn();

    expect(spendAll(budget)).toBe(2);
    budget.earn();
    expect(budget.spend()).toBe(false);
  });

  it('allows everything where the ratio is Infinity', () => {
    expect(spendAll(new ShareBudget(Infinity, 1))).toBe(1000);
  });

  it('keeps what was saved up when the ratio changes, and earns by the new one', () => {
    const budget = new ShareBudget(0.5, 4);
    budget.spend();
    expect(budget.savedCount).toBe(3);

    budget.changeRatio(0.1);
    expect(budget.savedCount).toBe(3);
    expect(spendAll(budget)).toBe(3);

    for (let call = 0; call < 9; call++) budget.earn();
    expect(budget.spend()).toBe(false);
    budget.earn();
    expect(budget.spend()).toBe(true);

    budget.changeRatio(0);
    budget.earn();
    expect(spendAll(budget)).toBe(0);
    expect(budget.savedCount).toBe(0);

    budget.changeRatio(0.5);
    expect(spendAll(budget)).toBe(0);
    budget.changeRatio(Infinity);
    expect(budget.savedCount).toBe(4);
  });

  it('(1) never allows more than burstCount and the share, in any stretch', () => {
    const property = fc.property(
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 10 }),
      fc.array(fc.boolean(), { maxLength: 100, size: 'max' }),
      (ratio, burstCount, wants) => {
        const budget = new ShareBudget(ratio, burstCount);
        const spentAt = wants.map((wanted) => {
          budget.earn();
          return wanted && budget.spend() ? 1 : 0;
        });

        const excess = (from: number): number => {
          let [spent, most] = [0, -Infinity];
          for (let to = from; to < wants.length; to++) {
            spent += spentAt[to] ?? 0;
            most = Math.max(most, spent - burstCount - (to - from + 1) * ratio);
          }
          return most;
        };
        expect(Math.max(...wants.map((_wanted, from) => excess(from)))).toBeLessThanOrEqual(1e-9);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });
});
