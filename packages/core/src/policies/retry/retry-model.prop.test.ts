import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { settled } from '../../testing/operation-table.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { retry } from './retry.ts';

/** One try, as planned: how long it takes and what it comes to. */
interface Try {
  readonly takesMs: number;
  readonly ends: 'value' | 'bad-value' | 'error' | 'fatal';
  readonly asksMs: number | undefined;
}

interface Call {
  readonly pauseMs: number;
  readonly endsAfterMs: number | undefined;
  readonly tries: readonly Try[];
}

interface Plan {
  readonly maxAttempts: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly backoff: 'full-jitter' | 'decorrelated-jitter' | 'exponential' | 'fixed';
  readonly maxElapsedMs: number;
  readonly minAttemptMs: number;
  readonly maxRetryRatio: number;
  readonly enforcement: 'enforce' | 'observe' | 'off';
  readonly seed: number;
  readonly calls: readonly Call[];
}

/** What one call came to. */
interface Account {
  readonly startedAt: readonly number[];
  readonly result: { readonly status: 'value' | 'error'; readonly of: number } | { readonly status: 'cause' };
  readonly reason: string | undefined;
  readonly endedAt: number;
}

const tries: fc.Arbitrary<Try> = fc.record({
  takesMs: fc.integer({ min: 0, max: 60 }),
  ends: fc.constantFrom('value', 'bad-value', 'error', 'error', 'error', 'fatal'),
  asksMs: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 150 }) },
  ),
});

const plans: fc.Arbitrary<Plan> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 5 }),
  baseDelayMs: fc.integer({ min: 0, max: 50 }),
  maxDelayMs: fc.integer({ min: 50, max: 120 }),
  backoff: fc.constantFrom('full-jitter', 'decorrelated-jitter', 'exponential', 'fixed'),
  maxElapsedMs: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 300 })),
  minAttemptMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 })),
  maxRetryRatio: fc.constantFrom(0, 0.25, 0.5, Infinity),
  enforcement: fc.constantFrom('enforce', 'enforce', 'enforce', 'enforce', 'observe', 'off'),
  seed: fc.integer(),
  calls: fc.array(
    fc.record({
      pauseMs: fc.integer({ min: 0, max: 10 }),
      // No try or wait of whole milliseconds ends at the very instant of a deadline.
      endsAfterMs: fc.option(
        fc.integer({ min: 1, max: 300 }).map((ms) => ms + 0.000_001),
        { nil: undefined },
      ),
      tries: fc.array(tries, { minLength: 5, maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 12, size: 'max' },
  ),
});

/** What the model knows when a try has ended. */
interface Moment {
  readonly attempt: number;
  readonly before: number;
  readonly calledAt: number;
  readonly deadline: number;
}

interface Delay {
  readonly delayMs: number;
  readonly backoffMs: number;
}

/** Retry, written down as a loop over time: no promises, no sinks, no classes of the library. */
class Model {
  readonly plan: Plan;
  readonly random: () => number;
  now = 0;
  saved = 10;

  constructor(plan: Plan) {
    this.plan = plan;
    this.random = seededRandom(plan.seed);
  }

  call(call: Call): Account {
    const { maxAttempts, maxRetryRatio, enforcement } = this.plan;
    this.now += call.pauseMs;
    if (enforcement !== 'off' && maxAttempts > 1) this.saved = Math.min(10, this.saved + maxRetryRatio);
    const calledAt = this.now;
    const deadline = call.endsAfterMs === undefined ? Infinity : calledAt + call.endsAfterMs;
    const startedAt: number[] = [];
    let [attempt, before] = [1, 0];
    for (;;) {
      const planned = call.tries[attempt - 1] as Try;
      startedAt.push(this.now);
      const result = this.run(planned, attempt, deadline);
      const next = this.judge(planned, result, { attempt, before, calledAt, deadline });
      if (typeof next !== 'object') return { startedAt, result, reason: next, endedAt: this.now };
      before = next.backoffMs;
      this.now += next.delayMs;
      attempt++;
    }
  }

  private run({ takesMs, ends }: Try, of: number, deadline: number): Account['result'] {
    const endsAt = this.now + takesMs;
    this.now = Math.min(endsAt, takesMs === 0 ? endsAt : deadline);
    if (this.now < endsAt) return { status: 'cause' };
    return { status: ends.endsWith('value') ? 'value' : 'error', of };
  }

  /** The delay before the next try; else why there is none, if that is told. */
  private judge(planned: Try, { status }: Account['result'], at: Moment): Delay | string | undefined {
    const { enforcement, maxDelayMs, maxAttempts } = this.plan;
    if (enforcement === 'off' || (status !== 'cause' && planned.ends === 'value')) return undefined;
    if (at.attempt === maxAttempts) return 'attempts';
    if (status === 'cause') return 'ended';
    if (planned.ends === 'fatal') return 'not-retryable';
    return (planned.asksMs ?? 0) > maxDelayMs ? 'retry-after' : this.planDelay(planned.asksMs ?? 0, at);
  }

  private planDelay(asksMs: number, { attempt, before, calledAt, deadline }: Moment): Delay | string | undefined {
    const delay = this.delay(attempt, before, asksMs);
    const reason = this.refusal(delay.delayMs, calledAt, deadline);
    return reason ?? (this.plan.enforcement === 'observe' ? undefined : delay);
  }

  private delay(attempt: number, before: number, asksMs: number): Delay {
    const { baseDelayMs: base, maxDelayMs: max, backoff } = this.plan;
    let doubled = base;
    for (let step = 1; step < attempt; step++) doubled *= 2;
    const bound = Math.min(max, doubled);
    let backoffMs = bound;
    if (backoff === 'fixed') backoffMs = base;
    if (backoff === 'full-jitter') backoffMs = this.random() * bound;
    if (backoff === 'decorrelated-jitter')
      backoffMs = base + this.random() * (Math.min(max, 3 * Math.max(base, before)) - base);
    return { backoffMs, delayMs: Math.min(max, asksMs + backoffMs) };
  }

  private refusal(delayMs: number, calledAt: number, deadline: number): string | undefined {
    const { minAttemptMs, maxElapsedMs, maxRetryRatio } = this.plan;
    if (delayMs + minAttemptMs >= deadline - this.now) return 'deadline';
    if (this.now - calledAt + delayMs >= maxElapsedMs) return 'elapsed';
    if (maxRetryRatio === 0 || (maxRetryRatio !== Infinity && this.saved < 1)) return 'budget';
    if (maxRetryRatio !== Infinity) this.saved--;
    return undefined;
  }
}

/** The same with the policy, over virtual time. */
class Trial {
  readonly plan: Plan;
  readonly clock = virtualClock();
  readonly events = createEvents();
  readonly recorder = recordEvents(this.events);
  readonly asked = new Map<unknown, number | undefined>();
  readonly policy: ReturnType<typeof retry>;

  constructor(plan: Plan) {
    this.plan = plan;
    const { calls: _calls, seed, ...options } = plan;
    this.policy = retry({
      ...options,
      clock: this.clock,
      random: seededRandom(seed),
      events: this.events,
      classify: (outcome) => (outcome.status === 'rejected' || this.#isBad(outcome.value) ? 'failure' : 'success'),
      isRetryable: (error) => (error as { ends?: string }).ends !== 'fatal',
      retryAfterMs: (outcome) => this.asked.get(thingOf(outcome)),
    });
  }

  async call(call: Call): Promise<Account> {
    await this.clock.advance(call.pauseMs);
    const root = Context.withClock(this.clock);
    const context = call.endsAfterMs === undefined ? root : root.withTimeout(call.endsAfterMs);
    const before = this.recorder.events.length;
    const startedAt: number[] = [];
    const things: unknown[] = [];
    let endedAt = 0;
    const promise = this.policy.execute(
      () => this.#try(call.tries[startedAt.length] as Try, startedAt, things),
      context,
    );
    const outcome = settled(promise.finally(() => (endedAt = this.clock.now())));
    await this.clock.runAll();
    const standing = await outcome;
    const thing = standing.status === 'fulfilled' ? standing.value : (standing as { error: unknown }).error;
    const of = things.findIndex((known) => known === thing) + 1;
    if (of === 0 && thing !== context.cause) throw new Error('neither an outcome of a try nor the cause');
    const status = standing.status === 'fulfilled' ? 'value' : 'error';
    const last = this.recorder.events.slice(before).at(-1) as { reason?: string } | undefined;
    return { startedAt, result: of === 0 ? { status: 'cause' } : { status, of }, reason: last?.reason, endedAt };
  }

  #try(planned: Try, startedAt: number[], things: unknown[]): unknown {
    startedAt.push(this.clock.now());
    const thing = planned.ends.endsWith('value')
      ? { ends: planned.ends }
      : Object.assign(new Error('x'), { ends: planned.ends });
    things.push(thing);
    this.asked.set(thing, planned.asksMs);
    const settle = (): unknown => {
      if (thing instanceof Error) throw thing;
      return thing;
    };
    if (planned.takesMs === 0) return settle();
    return new Promise<void>((resolve) => void this.clock.setTimer(resolve, planned.takesMs)).then(settle);
  }

  #isBad(value: unknown): boolean {
    return (value as { ends: string }).ends === 'bad-value';
  }
}

function thingOf(outcome: Outcome): unknown {
  return outcome.status === 'fulfilled' ? outcome.value : outcome.error;
}

describe('retry, against a naive model of it', () => {
  it('(1) (3) (5) (6) (8) starts the same tries at the same instants, and ends the same way for the same reason', async () => {
    const reasons = new Set<string | undefined>();
    const property = fc.asyncProperty(plans, async (plan) => {
      const [model, trial] = [new Model(plan), new Trial(plan)];
      for (const call of plan.calls) {
        const expected = model.call(call);
        const actual = await trial.call(call);
        expect(actual).toEqual(expected);
        reasons.add(actual.reason);
        model.now = trial.clock.now(); // a deadline that nobody needs any more may have moved the clock
      }
      expect(trial.clock.pendingCount).toBe(0);
      expect(trial.policy.snapshot().waiting).toBe(0);
    });
    await fc.assert(property, { numRuns: 600 });

    const all = ['attempts', 'not-retryable', 'budget', 'deadline', 'elapsed', 'retry-after', 'ended'];
    for (const reason of all) expect(reasons).toContain(reason); // else it tested nothing
  });

  it('(7) runs the operation no more often than the outermost of any number of nested retries allows', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (attempts, hasContext) => {
        const clock = virtualClock();
        const layers = attempts.map((maxAttempts) => retry({ maxAttempts, clock, maxRetryRatio: Infinity }));
        let tried = 0;
        const context = hasContext ? Context.withClock(clock).withTimeout(10_000_000) : undefined;
        const call = settled(
          pipeline(...layers).execute(() => {
            tried++;
            throw new Error('down');
          }, context),
        );
        await clock.runAll();
        await call;

        expect(tried).toBe(attempts.find((maxAttempts) => maxAttempts > 1) ?? 1);
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it('(6) sends a dead backend no more than the calls, their share and what was saved, whatever the demand', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      fc.constantFrom(0, 0.1, 0.2, 0.5),
      fc.integer({ min: 2, max: 10 }),
      async (bursts, maxRetryRatio, maxAttempts) => {
        const clock = virtualClock();
        const policy = retry({ clock, maxRetryRatio, maxAttempts });
        let [calls, requests] = [0, 0];
        for (const burst of bursts) {
          const all = Array.from({ length: burst }, () =>
            settled(
              policy.execute(() => {
                requests++;
                throw new Error('down');
              }),
            ),
          );
          calls += burst;
          await clock.runAll();
          await Promise.all(all);
        }

        expect(requests).toBeLessThanOrEqual(calls * (1 + maxRetryRatio) + (maxRetryRatio === 0 ? 0 : 10) + 1e-9);
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });
});
