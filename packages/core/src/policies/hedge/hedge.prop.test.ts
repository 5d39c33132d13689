import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isCancelled } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { observe } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { hedge } from './hedge.ts';

interface Plan {
  readonly delayMs: number;
  readonly maxAttempts: number;
  /** For each copy: how long it takes and whether it fails. */
  readonly copies: readonly { readonly takesMs: number; readonly fails: boolean }[];
  readonly endsAfterMs: number;
  readonly ends: 'never' | 'by deadline' | 'by cancel';
}

const plans: fc.Arbitrary<Plan> = fc.record({
  delayMs: fc.integer({ min: 1, max: 60 }),
  maxAttempts: fc.integer({ min: 2, max: 5 }),
  copies: fc.array(fc.record({ takesMs: fc.integer({ min: 0, max: 300 }), fails: fc.boolean() }), {
    minLength: 5,
    maxLength: 5,
  }),
  endsAfterMs: fc.integer({ min: 1, max: 300 }),
  ends: fc.constantFrom('never', 'by deadline', 'by cancel'),
});

/** The model: when copies start, and when and with which copy the call settles; by its end where no copy says so. */
function expected({ delayMs, maxAttempts, copies, ends, endsAfterMs }: Plan) {
  const end = ends === 'never' ? Infinity : endsAfterMs;
  const startedAt: number[] = [];
  let settlesAt = Infinity;
  for (let index = 0; index < maxAttempts; index++) {
    const startsAt = index * delayMs;
    if (startsAt >= Math.min(settlesAt, end)) break;
    startedAt.push(startsAt);
    const running = copies
      .slice(0, index + 1)
      .map(({ takesMs, fails }, copy) => [copy * delayMs + takesMs, fails] as const);
    const success = Math.min(...running.filter(([, fails]) => !fails).map(([at]) => at));
    settlesAt = Math.min(success, Math.max(...running.map(([at]) => at)));
  }
  return { startedAt, settlesAt: Math.min(settlesAt, end), isEnded: settlesAt > end };
}

/** Whether two things happen at the same instant, so that their order is not the model's business. */
function hasTies({ delayMs, copies, endsAfterMs }: Plan): boolean {
  const instants = copies.map(({ takesMs }, copy) => copy * delayMs + takesMs);
  const starts = copies.map((_copy, index) => index * delayMs);
  return new Set([...instants, ...starts, endsAfterMs]).size < 11;
}

describe('hedge, whatever its copies do', () => {
  it('(1) (2) (3) (4) (6) does what the model does', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      fc.pre(!hasTies(plan));
      const clock = virtualClock();
      const root = Context.withClock(clock);
      const context = plan.ends === 'by deadline' ? root.withTimeout(plan.endsAfterMs) : root.withCancel();
      if (plan.ends === 'by cancel') clock.setTimer(() => context.cancel('enough'), plan.endsAfterMs);
      const startedAt: number[] = [];
      const contexts: Context[] = [];
      const reported = new Set<number>();
      const policy = hedge({ delayMs: plan.delayMs, maxAttempts: plan.maxAttempts, clock });
      const run = (own: Context): Promise<number> => {
        const index = startedAt.length;
        startedAt.push(clock.now());
        contexts.push(own);
        return new Promise((resolve, reject) => {
          const { takesMs, fails } = plan.copies[index] ?? { takesMs: 0, fails: true };
          clock.setTimer(() => {
            reported.add(index);
            if (fails) reject(new Error(String(index)));
            else resolve(index);
          }, takesMs);
        });
      };
      let settledAt = -1;
      const promise = policy.execute(run, plan.ends === 'never' ? undefined : context);
      promise.catch(() => {}).finally(() => (settledAt = clock.now()));
      const call = observe(promise);
      const model = expected(plan);
      await clock.advanceTo(model.settlesAt);
      const losers = contexts.filter((_own, index) => !reported.has(index));

      expect(startedAt).toEqual(model.startedAt);
      expect(settledAt).toBe(model.settlesAt);
      expect(losers.every(({ cancelled }) => cancelled)).toBe(true);
      expect(contexts.filter((own) => !losers.includes(own)).some(({ cause }) => isCancelled(cause))).toBe(false);
      if (model.isEnded) expect(call()).toEqual({ status: 'rejected', error: context.cause });
      else
        expect(call().status).toBe(
          plan.copies.some(({ fails }, index) => !fails && reported.has(index)) ? 'fulfilled' : 'rejected',
        );
      await clock.runAll();
      expect(startedAt).toEqual(model.startedAt);
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it('(5) starts at most ten hedges and the share, and fails no call for want of budget', async () => {
    const property = fc.asyncProperty(
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60, size: 'max' }),
      async (maxHedgeRatio, durations) => {
        const clock = virtualClock();
        const policy = hedge({ delayMs: 10, maxAttempts: 4, maxHedgeRatio, clock });
        const calls = [];
        for (const takesMs of durations) {
          calls.push(observe(policy.execute(() => new Promise((done) => void clock.setTimer(() => done(1), takesMs)))));
          // oxlint-disable-next-line no-await-in-loop -- calls come one after the other
          await clock.advance(5);
        }
        await clock.runAll();

        const { hedged } = policy.snapshot();
        expect(calls.every((call) => call().status === 'fulfilled')).toBe(true);
        expect(hedged).toBeLessThanOrEqual(10 + durations.length * maxHedgeRatio + 1e-9);
        expect(clock.pendingCount).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 50 });
  });
});
