import { beforeEach, describe, expect, it } from 'vitest';

import { isSuperseded } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Outcome, Verdict } from '../../kernel/outcome.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { never, observe } from '../../testing/operation-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { type HedgeOptions, hedge } from './hedge.ts';

describe('hedged call', () => {
  let clock: VirtualClock;

  beforeEach(() => {
    clock = virtualClock();
  });

  const make = (options: Partial<HedgeOptions> = {}) => hedge({ delayMs: 100, clock, ...options });

  describe('whose losers are cancelled', () => {
    it('(4) has them judged by nobody: not by a rule of the user either', async () => {
      const told: unknown[] = [];
      const classify = (outcome: Outcome): Verdict => {
        told.push(outcome);
        return outcome.status === 'rejected' ? 'failure' : 'success';
      };
      const breaker = circuitBreaker({ clock, classify, minimumCalls: 1 });
      let runs = 0;
      const operation = (): unknown => (++runs === 1 ? never() : 'value');
      const call = observe(pipeline(make({ maxHedgeRatio: 1 }), breaker).execute(operation));
      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 'value' });
      expect(told).toEqual([{ status: 'fulfilled', value: 'value' }]);
      expect(breaker.snapshot().verdicts).toEqual({ success: 1, failure: 0, ignored: 1 });
    });

    it('(4) tells them so by a cause that can be recognised', async () => {
      const causes: unknown[] = [];
      const operation = (context: Context): unknown => {
        context.onCancel((cause) => causes.push(cause));
        return causes.length === 0 && clock.now() === 0 ? never() : 'value';
      };
      observe(make({ name: 'replicas' }).execute(operation));
      await clock.runAll();

      expect(causes.map(isSuperseded)).toEqual([true]);
      expect(causes).toMatchObject([{ code: 'CANCELLED', name: 'AbortError', policy: 'replicas' }]);
    });
  });

  it('(3) (5) spends nothing on a hedge that a listener keeps from starting', async () => {
    const events = createEvents();
    const context = Context.withClock(clock).withCancel();
    const policy = make({ events, maxHedgeRatio: 0.001 });
    let runs = 0;
    const run = (): unknown => (runs++, never());
    const stop = events.listen(() => context.cancel('enough'));
    for (let index = 0; index < 5; index++) {
      observe(policy.execute(run, index === 0 ? context : undefined));
      await clock.runAll(); // oxlint-disable-line no-await-in-loop -- one call after the other
      stop();
    }
    expect(policy.snapshot()).toMatchObject({ hedged: 4, suppressedByBudget: 0 });
    expect(runs).toBe(9);
    for (let index = 0; index < 7; index++) observe(policy.execute(run));
    await clock.runAll();
    expect(policy.snapshot()).toMatchObject({ hedged: 10, suppressedByBudget: 1 }); // all ten that were saved up
  });
});
