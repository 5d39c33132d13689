import { beforeEach, describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Layer, Sink } from '../../kernel/handler.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { createPolicy } from '../../kernel/policy.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, scripted } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { HedgeDelay } from './hedge-delay.ts';
import { type Hedge, type HedgeOptions, hedge } from './hedge.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

describe('what a hedge takes note of', () => {
  let clock: VirtualClock;
  beforeEach(() => {
    clock = virtualClock();
  });

  const quantile = { quantile: 0.5, maxMs: 500, minimumCalls: 1, minMs: 0 };
  const measured = (options: Partial<HedgeOptions> = {}): Hedge =>
    hedge({ delayMs: quantile, maxHedgeRatio: 1, clock, ...options });
  /** The delay after one call whose copies come to `outcomes`. */
  async function delayAfter(policy: Hedge, ...outcomes: (readonly [number, unknown])[]): Promise<number> {
    observe(policy.execute(scripted(clock, ...outcomes).run));
    await clock.runAll();
    return Math.round(policy.snapshot().delayMs);
  }
  const failsOnDown = {
    classify: (outcome: Outcome) =>
      outcome.status === 'fulfilled' && outcome.value === 'down' ? 'failure' : 'success',
  } as const;

  it.each(['enforce', 'observe'] as const)(
    'are successes, and nothing that failed sooner (%s)',
    async (enforcement) => {
      expect(await delayAfter(measured({ enforcement }), [10, 'value'])).toBe(10);
      expect(await delayAfter(measured({ enforcement }), [10, new Error('down')])).toBe(500);
      expect(await delayAfter(measured({ enforcement, ...failsOnDown }), [10, 'down'])).toBe(500);
      expect(await delayAfter(measured({ enforcement, ...failsOnDown }), [10, new Error('a success')])).toBe(10);
    },
  );

  it('are failures that took as long as the delay, and longer', () => {
    const delay = new HedgeDelay({ ...quantile, windowMs: 60_000 });
    delay.sample(99, { succeeded: false, delayMs: 100, now: 0 });
    expect(delay.currentMs(0)).toBe(500);
    delay.sample(100, { succeeded: false, delayMs: 100, now: 0 });

    expect(Math.round(delay.currentMs(0) / 10)).toBe(10);
  });

  it('are first copies that a hedge outran, with the time until then', async () => {
    const policy = measured({ delayMs: { ...quantile, maxMs: 100 } });
    await delayAfter(policy, [1000, 'late'], [10, 'hedge']);
    policy.update({ delayMs: { ...quantile, maxMs: 400 } });

    expect(Math.round(policy.snapshot().delayMs / 10)).toBe(11);
  });

  it('is each call once, whatever becomes of its other copies', async () => {
    const two = { ...quantile, maxMs: 100, minimumCalls: 2 };
    const policy = measured({ delayMs: two, maxAttempts: 3 });
    await delayAfter(policy, [150, new Error('down')], [250, 'second'], [1000, 'third']);
    policy.update({ delayMs: { ...two, maxMs: 400 } });

    expect(policy.snapshot()).toMatchObject({ wonByHedge: 1, delayMs: 400 });
  });

  it.each(['enforce', 'observe'] as const)('is no time that no copy will start after (%s)', async (enforcement) => {
    const policy = hedge({ delayMs: 100, maxAttempts: 2, maxHedgeRatio: 1, enforcement, clock });
    observe(policy.execute(never));
    expect(clock.pendingCount).toBe(1);
    await clock.advance(100);

    expect(clock.pendingCount).toBe(0);
  });

  it('is no time that is after the deadline', async () => {
    await clock.advance(1000);
    const context = Context.withClock(clock).withTimeout(50);
    observe(hedge({ delayMs: 100, clock }).execute(never, context));

    expect(clock.pendingCount).toBe(1); // that of the deadline
  });

  it('is what under observe would have been hedged because of a value that counts as a failure', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const policy = hedge({ delayMs: 100, hedgeOnFailure: true, enforcement: 'observe', clock, events, ...failsOnDown });
    await policy.execute(() => 'down');
    await policy.execute(() => 'value');

    expect(policy.snapshot().observed).toBe(1);
    expect(recorder.events).toMatchObject([{ type: 'hedge.started', enforcement: 'observe', reason: 'failure' }]);
  });

  it('is a loser until it was refused', async () => {
    const sinks: Sink[] = [];
    const layer: Layer = (inner) => (operation, context, sink, now) => {
      sinks.push(sink);
      if (sinks.length > 1) inner(operation, context, sink, now);
    };
    const policy = hedge({ delayMs: 100, clock });
    const call = observe(
      pipeline(policy, createPolicy({ kind: 'holding', name: 'holding', layer })).execute(() => 'hedge'),
    );
    await clock.advance(100);
    expect([call(), policy.snapshot().runningLosers]).toEqual([{ status: 'fulfilled', value: 'hedge' }, 1]);
    sinks[0]?.refuse(new Refused('no'), clock.now());
    await settle();

    expect(policy.snapshot().runningLosers).toBe(0);
  });
});
