import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type CancellableContext, Context, contextKey } from '../../kernel/context.ts';
import { observe } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type RateLimiter, rateLimiter } from './rate-limiter.ts';

type Command =
  | { readonly kind: 'call'; readonly withinMs: number }
  | { readonly kind: 'cancel'; readonly index: number }
  | { readonly kind: 'wait'; readonly ms: number };

/** Whole milliseconds per call, so that the model computes without rounding. */
const limits = fc.record({
  emissionMs: fc.integer({ min: 1, max: 20 }),
  maxBurst: fc.integer({ min: 1, max: 4 }),
  maxQueued: fc.integer({ min: 0, max: 5 }),
});
type Limits = { readonly emissionMs: number; readonly maxBurst: number; readonly maxQueued: number };

const call = fc
  .oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 120 }))
  .map((withinMs): Command => ({ kind: 'call', withinMs }));
const wait = fc.integer({ min: 0, max: 60 }).map((ms): Command => ({ kind: 'wait', ms }));
const cancel = fc.nat(6).map((index): Command => ({ kind: 'cancel', index }));
const commands = fc.array(fc.oneof({ arbitrary: call, weight: 4 }, wait, cancel), { maxLength: 80, size: 'max' });
const withoutCancel = fc.array(fc.oneof({ arbitrary: call, weight: 4 }, wait), { maxLength: 80, size: 'max' });

/** What a call costs, as its context has it. */
const costKey = contextKey<number>('cost');

interface Traced {
  readonly context: CancellableContext;
  readonly standing: ReturnType<typeof observe>;
  startedAt: number | undefined;
  /** What the model says of it. */
  expected: 'queued' | 'started' | 'refused' | 'gone';
  expectedAt: number | undefined;
}

/** The real limiter beside a model: a bucket of tokens and a list. The model moves in steps of a millisecond. */
class Trial {
  readonly clock = virtualClock();
  readonly policy: RateLimiter;
  readonly calls: Traced[] = [];
  readonly order: Traced[] = [];
  operations = 0;
  private readonly limits: Limits;
  /** Tokens, in milliseconds' worth. */
  private tokensMs: number;

  constructor(own: Limits, enforcement: 'enforce' | 'observe' = 'enforce') {
    this.limits = own;
    this.tokensMs = own.maxBurst * own.emissionMs;
    const { maxBurst, maxQueued } = own;
    this.policy = rateLimiter({
      maxPerInterval: 100,
      intervalMs: own.emissionMs * 100,
      maxBurst,
      maxQueued,
      enforcement,
      clock: this.clock,
    });
  }

  get queue(): Traced[] {
    return this.calls.filter(({ expected }) => expected === 'queued');
  }

  async play(steps: readonly Command[]): Promise<void> {
    for (const step of steps) {
      this.operations++;
      if (step.kind === 'call') this.call(step.withinMs);
      else if (step.kind === 'cancel') this.cancel(this.queue[step.index]);
      else await this.wait(step.ms); // oxlint-disable-line no-await-in-loop -- time moves between the steps
    }
    await settle();
  }

  private call(withinMs: number): void {
    const context = Context.withClock(this.clock).withTimeout(withinMs);
    const traced: Traced = {
      context,
      standing: () => ({ status: 'pending' }),
      startedAt: undefined,
      expected: 'refused',
      expectedAt: undefined,
    };
    this.admit(traced, withinMs);
    this.calls.push(traced);
    const run = (): void => {
      traced.startedAt = this.clock.now();
      this.order.push(traced);
    };
    Object.assign(traced, { standing: observe(this.policy.execute(run, context)) });
  }

  private admit(traced: Traced, withinMs: number): void {
    const { emissionMs, maxQueued } = this.limits;
    const ahead = this.queue.length;
    if (ahead === 0 && this.tokensMs >= emissionMs) {
      this.tokensMs -= emissionMs;
      Object.assign(traced, { expected: 'started', expectedAt: this.clock.now() });
    } else if (ahead < maxQueued && (ahead + 1) * emissionMs - this.tokensMs < withinMs) {
      traced.expected = 'queued';
    }
  }

  private cancel(traced: Traced | undefined): void {
    if (traced === undefined) return;
    traced.expected = 'gone';
    traced.context.cancel('enough');
  }

  private async wait(ms: number): Promise<void> {
    const { emissionMs, maxBurst } = this.limits;
    const from = this.clock.now();
    for (let at = from + 1; at <= from + ms; at++) {
      this.tokensMs = Math.min(maxBurst * emissionMs, this.tokensMs + 1);
      const [head] = this.queue;
      if (head === undefined || this.tokensMs < emissionMs) continue;
      this.tokensMs -= emissionMs;
      Object.assign(head, { expected: 'started', expectedAt: at });
    }
    await this.clock.advance(ms);
  }
}

const runs = { numRuns: 250 };

describe('rateLimiter, against a model of tokens and a list', () => {
  it('rateLimiter (1) starts no more than the burst and one per emissionMs in any span, against a log of all starts', async () => {
    const property = fc.asyncProperty(limits, commands, async (own, steps) => {
      const trial = new Trial(own);
      await trial.play(steps);
      const starts = trial.order.map(({ startedAt }) => Number(startedAt));
      for (const [first, since] of starts.entries()) {
        for (const [last, until] of starts.entries()) {
          if (last < first) continue;
          const allowed = own.maxBurst + Math.floor((until - since) / own.emissionMs + 1e-6);
          expect(last - first + 1).toBeLessThanOrEqual(allowed);
        }
      }
    });
    await fc.assert(property, runs);
  }, 60_000);

  it('rateLimiter (2) (3) starts, queues and refuses the very calls that the model does, at the same instants and in order', async () => {
    const property = fc.asyncProperty(limits, commands, async (own, steps) => {
      const trial = new Trial(own);
      await trial.play(steps);

      for (const { expected, expectedAt, startedAt, standing } of trial.calls) {
        if (expected === 'started') expect(startedAt).toBeCloseTo(Number(expectedAt), 5);
        else expect(startedAt).toBeUndefined();
        if (expected === 'queued') expect(standing().status).toBe('pending');
        if (expected === 'refused') expect(standing()).toMatchObject({ error: { code: 'RATE_LIMITED' } });
        if (expected === 'gone') expect(standing()).toEqual({ status: 'rejected', error: 'enough' });
      }
      expect(trial.order).toEqual(trial.calls.filter(({ startedAt }) => startedAt !== undefined));
      expect(trial.policy.snapshot().queued).toBeLessThanOrEqual(own.maxQueued);
    });
    await fc.assert(property, runs);
  }, 60_000);

  it('rateLimiter (4) (5), charter G5: conserves its waiters over 100,000 operations, whatever becomes of them', async () => {
    let operations = 0;
    const before: number[] = [];
    const long = fc.array(fc.oneof({ arbitrary: call, weight: 12 }, { arbitrary: cancel, weight: 6 }, wait), {
      minLength: 900,
      maxLength: 1100,
      size: 'max',
    });
    const property = fc.asyncProperty(limits, long, async (own, steps) => {
      const trial = new Trial(own);
      await trial.play(steps);
      operations += trial.operations;
      const waiting = trial.queue.length;

      expect(trial.policy.snapshot()).toMatchObject({
        queued: waiting,
        rejected: trial.calls.filter(({ expected }) => expected === 'refused').length,
      });
      before.push(waiting);
      const { backlogMs } = trial.policy.snapshot();
      for (const { context } of trial.queue) context.cancel('over');
      expect(trial.policy.snapshot()).toMatchObject({ queued: 0, backlogMs });
      await settle();
      expect(trial.calls.every(({ standing }) => standing().status !== 'pending')).toBe(true);
      expect(trial.clock.pendingCount).toBe(0);
    });
    await fc.assert(property, { numRuns: 112, endOnFailure: true });
    expect(Math.max(...before)).toBeGreaterThan(0);
    expect(operations).toBeGreaterThanOrEqual(100_000);
  }, 60_000);

  it('rateLimiter (1) (2) starts calls of any cost when a bucket has that many tokens, in order, at the very instants', async () => {
    const costs = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 60 })), {
      minLength: 1,
      maxLength: 40,
      size: 'max',
    });
    const property = fc.asyncProperty(limits, costs, async ({ emissionMs, maxBurst }, arrivals) => {
      const clock = virtualClock();
      const rate = { maxPerInterval: 100, intervalMs: emissionMs * 100, maxBurst, maxQueued: 1000 };
      const policy = rateLimiter({ ...rate, costOf: (context) => context.value(costKey) ?? 1, clock });
      const startedAt: number[] = [];
      const expectedAt: number[] = [];
      let tokensMs = maxBurst * emissionMs;
      let tokensAt = 0;
      for (const [cost, gapMs] of arrivals) {
        await clock.advance(gapMs); // oxlint-disable-line no-await-in-loop -- time moves between the calls
        const context = Context.withClock(clock).withValue(costKey, cost);
        observe(policy.execute(() => startedAt.push(clock.now()), context));
        const from = Math.max(clock.now(), tokensAt);
        tokensMs = Math.min(maxBurst * emissionMs, tokensMs + from - tokensAt);
        const missingMs = Math.max(0, Math.min(cost, maxBurst) * emissionMs - tokensMs);
        tokensAt = from + missingMs;
        tokensMs += missingMs - cost * emissionMs; // below 0 after what costs more than a burst
        expectedAt.push(tokensAt);
      }
      await clock.runAll();

      expect(startedAt).toHaveLength(expectedAt.length);
      for (const [index, at] of startedAt.entries()) expect(at).toBeCloseTo(Number(expectedAt[index]), 3);
    });
    await fc.assert(property, runs);
  }, 60_000);

  it('rateLimiter (6), charter O2: observes exactly the calls that it would refuse', async () => {
    const property = fc.asyncProperty(limits, withoutCancel, async (own, steps) => {
      const enforced = new Trial(own);
      const observed = new Trial(own, 'observe');
      await enforced.play(steps);
      await observed.play(steps);

      expect(observed.policy.snapshot().observed).toBe(enforced.policy.snapshot().rejected);
      expect(observed.order).toHaveLength(observed.calls.length);
    });
    await fc.assert(property, runs);
  }, 60_000);
});
