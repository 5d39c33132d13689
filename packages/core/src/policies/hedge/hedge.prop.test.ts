import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isCancelled } from '../../kernel/cancellation.ts';
import { type CancellableContext, Context } from '../../kernel/context.ts';
import { type Standing, observe } from '../../testing/operation-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import { hedge } from './hedge.ts';

/** How each copy of a call goes, and whether the caller ends it. */
interface CallPlan {
  readonly copies: readonly { readonly takesMs: number; readonly fails: boolean }[];
  readonly endsAfterMs: number;
  readonly ends: 'never' | 'by deadline' | 'by cancel';
}

interface Plan {
  readonly delayMs: number;
  readonly maxAttempts: number;
  readonly maxHedgeRatio: number;
  readonly hedgeOnFailure: boolean;
  readonly calls: readonly CallPlan[];
}

const plans: fc.Arbitrary<Plan> = fc.record({
  delayMs: fc.integer({ min: 1, max: 60 }),
  maxAttempts: fc.integer({ min: 2, max: 5 }),
  maxHedgeRatio: fc.constantFrom(0, 0.1, 0.5, 1, 1),
  hedgeOnFailure: fc.boolean(),
  calls: fc.array(
    fc.record({
      copies: fc.array(fc.record({ takesMs: fc.integer({ min: 1, max: 300 }), fails: fc.boolean() }), {
        minLength: 5,
        maxLength: 5,
      }),
      endsAfterMs: fc.integer({ min: 1, max: 300 }),
      ends: fc.constantFrom('never', 'never', 'by deadline', 'by cancel'),
    }),
    { minLength: 1, maxLength: 6, size: 'max' },
  ),
});

/** What came of one call. Instants are since its start. */
interface Story {
  readonly startedAt: readonly number[];
  readonly settledAt: number;
  /** The copy whose outcome is the call's; undefined where the caller ended it. */
  readonly decidedBy: number | undefined;
  /** Copies that ran when the call settled. */
  readonly left: readonly number[];
}

/** The naive policy: it looks at all that may come next, and does the earliest. */
class Model {
  readonly counts = { calls: 0, hedged: 0, wonByHedge: 0, suppressedByBudget: 0, lateLosers: 0 };
  /** Whether two things happened at one instant, so that their order is not the model's business. */
  hasTies = false;
  readonly plan: Plan;
  private credit: number;

  constructor(plan: Plan) {
    this.plan = plan;
    this.credit = plan.maxHedgeRatio === 0 ? 0 : 10;
  }

  call(plan: CallPlan): Story {
    this.counts.calls++;
    this.credit = Math.min(this.credit + this.plan.maxHedgeRatio, 10);
    const call = new ModelCall(this, plan);
    call.start(0);
    let story: Story | undefined;
    while (story === undefined) story = call.step();
    return story;
  }

  takeHedge(): boolean {
    const isAllowed = this.credit >= 1 - 1e-9;
    if (isAllowed) this.credit--;
    this.counts[isAllowed ? 'hedged' : 'suppressedByBudget']++;
    return isAllowed;
  }
}

/** One call of the model. */
class ModelCall {
  private readonly model: Model;
  private readonly plan: CallPlan;
  private readonly endsAt: number;
  private readonly startedAt: number[] = [];
  /** When each copy that runs is through. */
  private readonly running = new Map<number, number>();
  private dueAt = Infinity;
  private isDenied = false;

  constructor(model: Model, plan: CallPlan) {
    this.model = model;
    this.plan = plan;
    this.endsAt = plan.ends === 'never' ? Infinity : plan.endsAfterMs;
  }

  start(now: number): void {
    const { delayMs, maxAttempts } = this.model.plan;
    const copy = this.startedAt.length;
    this.running.set(copy, now + (this.plan.copies[copy]?.takesMs as number));
    this.startedAt.push(now);
    const fits = this.plan.ends !== 'by deadline' || now + delayMs < this.endsAt;
    this.dueAt = copy + 1 < maxAttempts && fits ? now + delayMs : Infinity;
  }

  /** Does what comes next. Returns the story when the call has settled. */
  step(): Story | undefined {
    const instants = [...this.running.values(), this.dueAt, this.endsAt].filter((at) => at !== Infinity);
    const now = Math.min(...instants);
    if (new Set(instants).size < instants.length) this.model.hasTies = true;
    if (now === this.endsAt) return this.story(now);
    if (now !== this.dueAt) return this.through(now);
    this.hedge(now);
    return undefined;
  }

  private hedge(now: number): boolean {
    this.dueAt = Infinity;
    if (this.isDenied || this.startedAt.length === this.model.plan.maxAttempts) return false;
    this.isDenied = !this.model.takeHedge();
    if (!this.isDenied) this.start(now);
    return !this.isDenied;
  }

  /** The copy that is through now succeeds or fails. */
  private through(now: number): Story | undefined {
    const { counts, plan } = this.model;
    const copy = [...this.running.keys()].find((each) => this.running.get(each) === now) as number;
    this.running.delete(copy);
    if (this.plan.copies[copy]?.fails === true) {
      if (plan.hedgeOnFailure && this.hedge(now)) return undefined;
      return this.running.size === 0 ? this.story(now, copy) : undefined;
    }
    if (copy > 0) counts.wonByHedge++;
    counts.lateLosers += this.running.size;
    return this.story(now, copy);
  }

  private story(settledAt: number, decidedBy?: number): Story {
    return { startedAt: this.startedAt, settledAt, decidedBy, left: [...this.running.keys()] };
  }
}

/** Plays one call for real. Its operation does not look at its context, so that losers go on. */
async function play(policy: ReturnType<typeof hedge>, plan: CallPlan, clock: VirtualClock) {
  const begunAt = clock.now();
  const root = Context.withClock(clock);
  const caller: CancellableContext =
    plan.ends === 'by deadline' ? root.withTimeout(plan.endsAfterMs) : root.withCancel();
  if (plan.ends === 'by cancel') clock.setTimer(() => caller.cancel('enough'), plan.endsAfterMs);
  const startedAt: number[] = [];
  const contexts: Context[] = [];
  let settledAt = -1;
  const run = (own: Context): Promise<number> => {
    const index = startedAt.length;
    startedAt.push(clock.now() - begunAt);
    contexts.push(own);
    return new Promise((resolve, reject) => {
      const { takesMs, fails } = plan.copies[index] ?? { takesMs: 0, fails: true };
      clock.setTimer(() => (fails ? reject(new Error(String(index))) : resolve(index)), takesMs);
    });
  };
  const promise = policy.execute(run, plan.ends === 'never' ? undefined : caller);
  promise.catch(() => {}).finally(() => (settledAt = clock.now() - begunAt));
  const call = observe(promise);
  return { caller, contexts, call, startedAt, settledAt: () => settledAt };
}

function expectedStanding({ decidedBy }: Story, plan: CallPlan, caller: Context): Standing {
  if (decidedBy === undefined) return { status: 'rejected', error: caller.cause };
  if (plan.copies[decidedBy]?.fails === true) return { status: 'rejected', error: new Error(String(decidedBy)) };
  return { status: 'fulfilled', value: decidedBy };
}

describe('hedge, whatever its copies do', () => {
  it('(1) (2) (3) (4) (5) (6) (7) does what the naive model does, call by call', { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const model = new Model(plan);
      const stories = plan.calls.map((each) => model.call(each));
      fc.pre(!model.hasTies);
      const clock = virtualClock();
      const { delayMs, maxAttempts, maxHedgeRatio, hedgeOnFailure } = plan;
      const policy = hedge({ delayMs, maxAttempts, maxHedgeRatio, hedgeOnFailure, clock });

      for (const [index, story] of stories.entries()) {
        const each = plan.calls[index] as CallPlan;
        const real = await play(policy, each, clock);
        const begunAt = clock.now();
        await clock.advanceTo(begunAt + story.settledAt);

        expect(real.startedAt).toEqual(story.startedAt);
        expect(real.settledAt()).toBe(story.settledAt);
        expect(real.call()).toEqual(expectedStanding(story, each, real.caller));
        const isLost = (copy: number): boolean => story.left.includes(copy) && story.decidedBy !== undefined;
        expect(real.contexts.map(({ cause }) => isCancelled(cause))).toEqual(
          story.startedAt.map((_at, copy) => isLost(copy)),
        );
        expect(policy.snapshot().runningLosers).toBe(story.decidedBy === undefined ? 0 : story.left.length);
        await clock.runAll();
        expect(real.startedAt).toEqual(story.startedAt);
        expect(policy.snapshot().runningLosers).toBe(0);
      }
      expect(policy.snapshot()).toMatchObject(model.counts);
    });
    await fc.assert(property, { numRuns: 1000 });
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

  it('(8) runs every call once and with the caller’s context under observe, and counts what it would have started', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const clock = virtualClock();
      const { delayMs, maxAttempts, hedgeOnFailure } = plan;
      const policy = hedge({ delayMs, maxAttempts, maxHedgeRatio: 1, hedgeOnFailure, clock, enforcement: 'observe' });
      let expected = 0;
      for (const { copies } of plan.calls) {
        const { takesMs, fails } = copies[0] as CallPlan['copies'][number];
        fc.pre(takesMs % delayMs !== 0);
        const delays = Math.min(Math.floor(takesMs / delayMs), maxAttempts - 1);
        expected += delays + (fails && hedgeOnFailure && delays < maxAttempts - 1 ? 1 : 0);
        const context = Context.withClock(clock).withCancel();
        const contexts: Context[] = [];
        const error = new Error('failed');
        const call = observe(
          policy.execute((own) => {
            contexts.push(own);
            return new Promise((resolve, reject) => {
              clock.setTimer(() => (fails ? reject(error) : resolve('value')), takesMs);
            });
          }, context),
        );
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await clock.runAll();

        expect(call()).toEqual(fails ? { status: 'rejected', error } : { status: 'fulfilled', value: 'value' });
        expect(contexts).toEqual([context]);
      }
      const { observed, suppressedByBudget, hedged } = policy.snapshot();
      expect(hedged).toBe(0);
      fc.pre(suppressedByBudget === 0);
      expect(observed).toBe(expected);
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
