import { Context } from '@holdfast/core';
import { type VirtualClock, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Fate, TakeLink, TakeServer } from '../../../../test/redis/take-model.ts';
import { type RedisRateLimiter, limiterOver, rateLimiterSettings } from './redis-rate-limiter.ts';

interface Plan {
  readonly nodes: number;
  readonly emissionMs: number;
  readonly maxBurst: number;
  readonly latencyMs: number;
  readonly leaseMs: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  nodes: fc.integer({ min: 1, max: 4 }),
  emissionMs: fc.integer({ min: 1, max: 20 }),
  maxBurst: fc.integer({ min: 1, max: 40 }),
  latencyMs: fc.integer({ min: 1, max: 10 }),
  leaseMs: fc.integer({ min: 20, max: 200 }),
});

type Step =
  | { readonly kind: 'call'; readonly node: number; readonly count: number; readonly withinMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'fate'; readonly node: number; readonly fate: Fate }
  | { readonly kind: 'clock'; readonly byMs: number };

const call = fc.record({
  kind: fc.constant('call' as const),
  node: fc.nat(3),
  count: fc.integer({ min: 1, max: 12 }),
  withinMs: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 400 })),
});
const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 80 }) });
const cancel = fc.constant({ kind: 'cancel' } as const);
const fate = fc.record({
  kind: fc.constant('fate' as const),
  node: fc.nat(3),
  fate: fc.constantFrom<Fate>('answered', 'answered', 'lost', 'unheard', 'late'),
});
const stepBack = fc.record({ kind: fc.constant('clock' as const), byMs: fc.integer({ min: -5000, max: 5000 }) });

/** What stands at one instant: starts so far, and tokens that nodes may still use. */
interface Reading {
  readonly at: number;
  readonly started: number;
  readonly outstanding: number;
}

/** A fleet on virtual time, and a log of all starts. */
class Fleet {
  readonly clock: VirtualClock = virtualClock();
  readonly server = new TakeServer(this.clock);
  readonly links: TakeLink[];
  readonly policies: RedisRateLimiter[];
  readonly readings: Reading[] = [];
  readonly contexts: ReturnType<Context['withCancel']>[] = [];
  started = 0;
  settled = 0;
  called = 0;

  constructor({ nodes, emissionMs, maxBurst, latencyMs, leaseMs }: Plan) {
    const rate = { namespace: 'p', name: 'q', maxPerInterval: 1000, intervalMs: emissionMs * 1000, maxBurst, leaseMs };
    this.links = Array.from({ length: nodes }, () => new TakeLink(this.server, this.clock));
    this.policies = this.links.map((link) => {
      link.latencyMs = latencyMs;
      return limiterOver(link, rateLimiterSettings({ ...rate, clock: this.clock, random: () => 0.5 }));
    });
  }

  get outstanding(): number {
    const granted = [...this.server.granted.values()].reduce((sum, count) => sum + count, 0);
    return granted - this.server.returned - this.started;
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind === 'call') this.call(step);
      else if (step.kind === 'cancel') this.contexts.pop()?.cancel('enough');
      else if (step.kind === 'fate') this.of(this.links, step.node).fate = () => step.fate;
      else if (step.kind === 'clock') this.server.offsetUs += step.byMs * 1000;
      else for (let ms = 0; ms < step.ms; ms++) await this.tick();
    }
  }

  async end(): Promise<void> {
    for (const link of this.links) link.fate = () => 'answered';
    await Promise.all([this.clock.advance(5000), ...this.policies.map((policy) => policy.close())]);
    await this.clock.advance(5000);
  }

  private async tick(): Promise<void> {
    this.read();
    await this.clock.advance(1);
  }

  private read(): void {
    this.readings.push({ at: this.clock.now(), started: this.started, outstanding: this.outstanding });
  }

  private call({ node, count, withinMs }: { node: number; count: number; withinMs: number }): void {
    for (let index = 0; index < count; index++) {
      const context = Context.withClock(this.clock).withTimeout(withinMs);
      this.contexts.push(context);
      this.called++;
      const run = (): void => void this.started++;
      const settle = (): void => void this.settled++;
      void this.of(this.policies, node).execute(run, context).then(settle, settle);
    }
  }

  private of<T>(list: readonly T[], index: number): T {
    return list[index % list.length] as T;
  }
}

describe('redisRateLimiter, a fleet over the model of the script, on virtual time', () => {
  it('(1) starts no more than the burst, the rate, and what nodes had in hand, in any span, against a log of all starts', async () => {
    const steps = fc.array(fc.oneof({ arbitrary: call, weight: 3 }, { arbitrary: wait, weight: 3 }, cancel), {
      maxLength: 25,
      size: 'max',
    });
    const property = fc.asyncProperty(plans, steps, async (plan, taken) => {
      const fleet = new Fleet(plan);
      await fleet.play(taken);
      await fleet.play([{ kind: 'wait', ms: 1 }]);
      for (const [index, from] of fleet.readings.entries()) {
        expect(from.outstanding).toBeGreaterThanOrEqual(0);
        for (const until of fleet.readings.slice(index)) {
          const allowed = plan.maxBurst + (until.at - from.at) / plan.emissionMs + from.outstanding;
          expect(until.started - from.started).toBeLessThanOrEqual(allowed + 1e-6);
        }
      }
      await fleet.end();
      expect(fleet.settled).toBe(fleet.called);
    });
    await fc.assert(property, { numRuns: 50 });
  }, 180_000);

  it('(2) shared-limiter (3) (4) settles every call in time and leaves no timer, whatever becomes of the store', async () => {
    const steps = fc.array(
      fc.oneof({ arbitrary: call, weight: 4 }, { arbitrary: wait, weight: 3 }, cancel, fate, stepBack),
      {
        maxLength: 40,
        size: 'max',
      },
    );
    const property = fc.asyncProperty(plans, steps, async (plan, taken) => {
      const fleet = new Fleet(plan);
      await fleet.play(taken);
      const { called } = fleet;
      await fleet.clock.advance(300);
      expect(fleet.settled).toBe(called);
      await fleet.end();
      expect(fleet.clock.pendingCount).toBe(0);
      expect(fleet.policies.every((policy) => policy.snapshot().queued === 0)).toBe(true);
    });
    await fc.assert(property, { numRuns: 50 });
  }, 180_000);

  it('(1) token-supply (4) never uses a token twice, whatever becomes of requests', async () => {
    const steps = fc.array(fc.oneof({ arbitrary: call, weight: 4 }, { arbitrary: wait, weight: 3 }, cancel, fate), {
      maxLength: 40,
      size: 'max',
    });
    const property = fc.asyncProperty(plans, steps, async (plan, taken) => {
      const fleet = new Fleet(plan);
      let alone = 0;
      for (const step of taken) {
        await fleet.play([step]);
        if (fleet.policies.some((policy) => policy.snapshot().mode === 'alone')) alone++;
        if (alone === 0) expect(fleet.outstanding).toBeGreaterThanOrEqual(0);
      }
      await fleet.end();
    });
    await fc.assert(property, { numRuns: 50 });
  }, 180_000);
});
