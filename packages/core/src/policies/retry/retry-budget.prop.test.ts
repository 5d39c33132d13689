import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CountedBudget } from './retry-budget.ts';

const histories = fc.array(fc.record({ calls: fc.nat(8), wants: fc.nat(8) }), { maxLength: 40, size: 'max' });

describe('retry budget, whatever the history', () => {
  it('(1) of any stretch of calls come at most the saved retries and the share', () => {
    const property = fc.property(
      fc.double({ min: 0.01, max: 3, noNaN: true }),
      fc.integer({ min: 1, max: 10 }),
      histories,
      (ratio, maxSavedRetries, history) => {
        const budget = new CountedBudget(ratio, maxSavedRetries);
        const steps = history.map(({ calls, wants }) => {
          for (let made = 0; made < calls; made++) budget.earn();
          let spent = 0;
          for (let wanted = 0; wanted < wants; wanted++) if (budget.spend()) spent++;
          return { calls, spent };
        });

        for (let from = 0; from < steps.length; from++) {
          let [calls, spent] = [0, 0];
          for (const step of steps.slice(from)) {
            calls += step.calls;
            spent += step.spent;
            expect(spent).toBeLessThanOrEqual(maxSavedRetries + calls * ratio + 1e-9);
          }
        }
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it('(2) holds a fixed number of numbers, and counts every request once', () => {
    const property = fc.property(histories, (history) => {
      const budget = new CountedBudget(0.2);
      for (const { calls, wants } of history) {
        for (let made = 0; made < calls; made++) budget.earn();
        for (let wanted = 0; wanted < wants; wanted++) budget.spend();
      }
      const { spent, denied, calls, saved } = budget.snapshot();

      expect(calls).toBe(history.reduce((sum, step) => sum + step.calls, 0));
      expect(spent + denied).toBe(history.reduce((sum, step) => sum + step.wants, 0));
      expect(saved >= 0 && saved <= 10).toBe(true);
      expect(JSON.stringify(budget).length).toBeLessThan(300);
    });
    fc.assert(property, { numRuns: 200 });
  });
});
