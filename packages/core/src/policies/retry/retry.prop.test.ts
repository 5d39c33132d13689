import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { observe } from '../../testing/operation-table.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { retry } from './retry.ts';

interface Plan {
  readonly maxAttempts: number;
  readonly baseDelayMs: number;
  /** For each try: how long it takes and whether it fails. */
  readonly tries: readonly { readonly takesMs: number; readonly fails: boolean }[];
  readonly endsAfterMs: number;
  readonly seed: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 6 }),
  baseDelayMs: fc.integer({ min: 0, max: 100 }),
  tries: fc.array(fc.record({ takesMs: fc.integer({ min: 0, max: 50 }), fails: fc.boolean() }), {
    minLength: 6,
    maxLength: 6,
  }),
  endsAfterMs: fc.integer({ min: 1, max: 400 }),
  seed: fc.integer(),
});

/** One run of a plan: when tries started, with which errors they failed, and how the call stands. */
class Trial {
  readonly startedAt: number[] = [];
  readonly errors: Error[] = [];
  readonly clock: VirtualClock = virtualClock();
  readonly plan: Plan;

  constructor(plan: Plan) {
    this.plan = plan;
  }

  start(context?: Context): ReturnType<typeof observe> {
    const { maxAttempts, baseDelayMs, seed } = this.plan;
    const policy = retry({ maxAttempts, baseDelayMs, clock: this.clock, random: seededRandom(seed) });
    return observe(policy.execute(() => this.#try(), context));
  }

  #try(): Promise<string> {
    const planned = this.plan.tries[this.startedAt.length];
    this.startedAt.push(this.clock.now());
    return new Promise((resolve, reject) => {
      this.clock.setTimer(() => {
        if (planned?.fails !== true) return resolve('value');
        this.errors.push(new Error(`try ${this.startedAt.length}`));
        reject(this.errors.at(-1));
      }, planned?.takesMs ?? 0);
    });
  }
}

const runs = { numRuns: 300 };

describe('retry, whatever the operation does', () => {
  it('retry (1) runs the operation until it succeeds or maxAttempts tries are used up, and no more', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const trial = new Trial(plan);
      trial.start();
      await trial.clock.runAll();

      const firstSuccess = plan.tries.findIndex(({ fails }) => !fails);
      const expected = firstSuccess === -1 ? plan.maxAttempts : Math.min(plan.maxAttempts, firstSuccess + 1);
      expect(trial.startedAt).toHaveLength(expected);
    });
    await fc.assert(property, runs);
  });

  it('retry (2) starts no try once the context has ended', async () => {
    const property = fc.asyncProperty(plans, fc.boolean(), async (plan, byDeadline) => {
      const trial = new Trial(plan);
      const root = Context.withClock(trial.clock);
      const context = byDeadline ? root.withTimeout(plan.endsAfterMs) : root.withCancel();
      if (!byDeadline) trial.clock.setTimer(() => context.cancel(), plan.endsAfterMs);
      trial.start(context);
      await trial.clock.runAll();

      for (const startedAt of trial.startedAt) expect(startedAt).toBeLessThan(plan.endsAfterMs);
    });
    await fc.assert(property, runs);
  });

  it('retry (3) begins no wait that would reach the deadline', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const trial = new Trial(plan);
      const context = Context.withClock(trial.clock).withTimeout(plan.endsAfterMs);
      const call = trial.start(context);
      await trial.clock.runAll();

      const standing = call();
      const isOwnError = standing.status === 'rejected' && standing.error === context.cause;
      const lastPlanned = plan.tries[trial.startedAt.length - 1];
      const lastEnd = (trial.startedAt.at(-1) ?? 0) + (lastPlanned?.takesMs ?? 0);
      // The cause comes only out of a try that was under way at the deadline, never out of a wait.
      if (lastEnd !== plan.endsAfterMs) expect(isOwnError).toBe(lastEnd > plan.endsAfterMs);
    });
    await fc.assert(property, runs);
  });

  it('retry (4) ends a wait as soon as the context ends', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const trial = new Trial({ ...plan, maxAttempts: 6 });
      const context = Context.withClock(trial.clock).withCancel();
      const call = trial.start(context);
      await trial.clock.advance(plan.endsAfterMs);
      const wasPending = call().status === 'pending';
      context.cancel('enough');
      await settle();

      expect(call().status).not.toBe('pending');
      if (wasPending) expect(call()).toEqual({ status: 'rejected', error: 'enough' });
    });
    await fc.assert(property, runs);
  });

  it('retry (5) gives the last error back by identity', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const trial = new Trial({ ...plan, tries: plan.tries.map(({ takesMs }) => ({ takesMs, fails: true })) });
      const call = trial.start();
      await trial.clock.runAll();

      const standing = call();
      expect(standing.status === 'rejected' && standing.error === trial.errors.at(-1)).toBe(true);
      expect(trial.errors).toHaveLength(plan.maxAttempts);
    });
    await fc.assert(property, runs);
  });
});
