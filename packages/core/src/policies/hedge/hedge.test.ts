import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { isCancelled } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { invoke } from '../../kernel/handler.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe, operationTable, scripted } from '../../testing/operation-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from '../bulkhead/bulkhead.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { type HedgeOptions, type HedgeSnapshot, hedge } from './hedge.ts';

const fresh: HedgeSnapshot = {
  enforcement: 'enforce',
  delayMs: 100,
  calls: 0,
  hedged: 0,
  wonByHedge: 0,
  suppressedByBudget: 0,
  observed: 0,
  runningLosers: 0,
  lateLosers: 0,
};

describe('hedge', () => {
  let clock: VirtualClock;
  let hookErrors: HookError[];

  beforeEach(() => {
    clock = virtualClock();
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const make = (options: Partial<HedgeOptions> = {}) => hedge({ delayMs: 100, clock, ...options });

  describe('starts', () => {
    it('no copy and no timer when the first settles in its turn', () => {
      const policy = make();
      observe(policy.execute(() => 'value'));

      expect(clock.pendingCount).toBe(0);
      expect(policy.snapshot()).toEqual({ ...fresh, calls: 1 });
    });

    it('(6) no copy when the first settles 1 ms before the delay is over, and leaves no timer', async () => {
      const operation = scripted(clock, [99, 'first']);
      const call = observe(make().execute(operation.run));

      await clock.advance(99);

      expect(call()).toEqual({ status: 'fulfilled', value: 'first' });
      expect(clock.pendingCount).toBe(0);
    });

    it('(1) one copy delayMs after the one before, up to maxAttempts', async () => {
      const operation = scripted(clock);
      observe(make({ maxAttempts: 4 }).execute(operation.run));

      await clock.advance(99);
      expect(operation.startedAt).toEqual([0]);

      await clock.runAll();
      expect(operation.startedAt).toEqual([0, 100, 200, 300]);
    });

    it('(1) two copies by default', async () => {
      const operation = scripted(clock);
      observe(make().execute(operation.run));

      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 100]);
    });

    it('the next copy with no time between where delayMs is 0', async () => {
      const operation = scripted(clock, [50, 'first'], [10, 'second']);
      const call = observe(make({ delayMs: 0 }).execute(operation.run));

      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 0]);
      expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
    });
  });

  describe('charter H7: the first success wins', () => {
    it('when it is that of a hedge', async () => {
      const operation = scripted(clock, [500, 'first'], [20, 'second']);
      const policy = make();
      const call = observe(policy.execute(operation.run));

      await clock.advance(120);

      expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
      expect(policy.snapshot()).toEqual({ ...fresh, calls: 1, hedged: 1, wonByHedge: 1, runningLosers: 1 });
    });

    it('when it is that of the first copy', async () => {
      const operation = scripted(clock, [110, 'first'], [20, 'second']);
      const policy = make();
      const call = observe(policy.execute(operation.run));

      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 'first' });
      expect(policy.snapshot()).toMatchObject({ hedged: 1, wonByHedge: 0 });
    });

    it('(2) and a copy that fails cancels no other', async () => {
      const operation = scripted(clock, [150, new Error('first')], [100, 'second']);
      const call = observe(make().execute(operation.run));

      await clock.advance(199);
      expect(call().status).toBe('pending');
      expect(operation.contexts.map((context) => context.cancelled)).toEqual([false, false]);

      await clock.advance(1);
      expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
    });

    it('(2) and a hedge that fails does not stop the next from starting', async () => {
      const operation = scripted(clock, [500, 'first'], [10, new Error('second')], [10, 'third']);
      const call = observe(make({ maxAttempts: 3 }).execute(operation.run));

      await clock.advance(210);

      expect(call()).toEqual({ status: 'fulfilled', value: 'third' });
      expect(operation.startedAt).toEqual([0, 100, 200]);
    });
  });

  describe('(4) cancels the losers', () => {
    it('each through a context of its own, with a cause that says why, before the caller hears of the success', async () => {
      const order: string[] = [];
      const operation = scripted(clock, [500, 'first'], [50, 'second']);
      const call = make({ name: 'prices' }).execute((context) => {
        context.onCancel(() => order.push(`cancelled ${operation.startedAt.length}`));
        return operation.run(context);
      });
      const done = call.then(() => order.push('told'));
      await clock.advance(150);
      await done;

      const [loser, winner] = operation.contexts;
      expect(order).toEqual(['cancelled 2', 'told']);
      expect(isCancelled(loser?.cause)).toBe(true);
      expect(loser?.cause).toMatchObject({ message: 'another attempt of prices won', policy: 'prices' });
      expect(loser?.signal.reason).toBe(loser?.cause);
      expect(winner?.cancelled).toBe(false);
    });

    it('a hedge as well as the first', async () => {
      const operation = scripted(clock, [250, 'first']);
      observe(make({ maxAttempts: 3 }).execute(operation.run));

      await clock.advance(250);

      expect(operation.contexts.map((context) => context.cancelled)).toEqual([false, true, true]);
    });

    it('charter C2: and drops what they come to, a rejection included', async () => {
      const operation = scripted(clock, [300, new Error('late')], [50, 'second'], [500, 'late']);
      const policy = make();
      const call = observe(policy.execute(operation.run));

      await clock.runAll(); // an unhandled rejection would fail the run

      expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
      expect(policy.snapshot()).toMatchObject({ hedged: 1, wonByHedge: 1 });
    });

    it('and a breaker inside does not count them as failures', async () => {
      const breaker = circuitBreaker({ clock, minimumCalls: 1 });
      const operation = scripted(clock, [500, 'first'], [50, 'second']);
      const call = observe(pipeline(make(), breaker).execute(operation.run));

      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
      expect(breaker.snapshot()).toMatchObject({ state: 'closed', verdicts: { success: 1, failure: 0, ignored: 1 } });
    });

    it('and a bulkhead inside has its permits back, the queue included', async () => {
      const inner = bulkhead({ maxConcurrent: 2, maxQueued: 5 });
      const operation = scripted(clock, [Infinity, ''], [350, 'second']);
      const call = observe(pipeline(make({ maxAttempts: 5 }), inner).execute(operation.run));

      await clock.advance(449);
      expect(inner.snapshot()).toMatchObject({ running: 2, queued: 3 });

      await clock.advance(1);
      expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
      expect(inner.snapshot()).toMatchObject({ running: 0, queued: 0 });
      expect(operation.contexts.map(({ cancelled }) => cancelled)).toEqual([true, false, true]); // the freed permit let in one
    });

    it('and whoever derived a context from that of a loser', async () => {
      const derived: Context[] = [];
      const operation = scripted(clock, [500, 'first'], [50, 'second']);
      observe(make().execute((context) => (derived.push(context.withTimeout(9000)), operation.run(context))));

      await clock.advance(150);

      expect(derived.map(({ cause }) => isCancelled(cause))).toEqual([true, false]);
    });

    it('charter G7: but the context of the winner lives on, before and after the call settled', async () => {
      const request = Context.withClock(clock).withCancel();
      for (const parent of [undefined, request]) {
        const operation = scripted(clock, [500, 'first'], [50, 'second']);
        const call = observe(make().execute(operation.run, parent));
        const signal = (): AbortSignal | undefined => operation.contexts[1]?.signal;
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await clock.advance(120);
        expect(signal()?.aborted).toBe(false);
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await clock.advance(30);

        expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
        expect(signal()?.aborted).toBe(false);
      }
    });

    it('and the context of a copy that failed tells the truth afterwards', async () => {
      const request = Context.withClock(clock).withCancel();
      const operation = scripted(clock, [150, new Error('first')], [500, 'second']);
      observe(make().execute(operation.run, request));
      await clock.advance(200);

      request.cancel('the user left');

      expect(operation.contexts.map(({ cause }) => cause)).toEqual(['the user left', 'the user left']);
    });
  });

  describe('(5) charter H7: has a budget', () => {
    it('of ten hedges, and then of one for ten calls; a call without one goes on', async () => {
      const policy = make();
      const calls = Array.from({ length: 30 }, () => observe(policy.execute(() => after(clock, 150, 'value'))));

      await clock.runAll();

      expect(calls.map((call) => call().status)).toEqual(calls.map(() => 'fulfilled'));
      expect(policy.snapshot()).toEqual({ ...fresh, calls: 30, hedged: 10, suppressedByBudget: 20, lateLosers: 10 });
      for (let call = 0; call < 10; call++) observe(policy.execute(() => 'quick'));
      observe(policy.execute(never));
      await clock.runAll();
      expect(policy.snapshot()).toMatchObject({ hedged: 11 });
    });

    it('and asks for no second hedge of a call that was denied one', async () => {
      const policy = make({ maxHedgeRatio: 0, maxAttempts: 5 });
      const operation = scripted(clock, [900, 'first']);
      const call = observe(policy.execute(operation.run));

      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 'first' });
      expect(operation.startedAt).toEqual([0]);
      expect(policy.snapshot()).toEqual({ ...fresh, calls: 1, suppressedByBudget: 1 });
    });

    it('that lets each call hedge once where the ratio is 1', async () => {
      const policy = make({ maxHedgeRatio: 1 });
      for (let call = 0; call < 100; call++) observe(policy.execute(() => never()));

      await clock.runAll();

      expect(policy.snapshot()).toMatchObject({ hedged: 10, suppressedByBudget: 90 }); // all at once: what was saved up
      for (let round = 0; round < 50; round++) {
        observe(policy.execute(() => never()));
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await clock.runAll();
      }
      expect(policy.snapshot()).toMatchObject({ hedged: 60, suppressedByBudget: 90 });
    });
  });

  describe('events', () => {
    it('tell of a hedge when it starts and when it won', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make({ name: 'prices', maxAttempts: 3, events });
      observe(policy.execute(scripted(clock, [500, ''], [500, ''], [10, 'third']).run));
      observe(policy.execute(scripted(clock, [110, 'first']).run));

      await clock.runAll();

      const hedgeEvent = { policy: 'hedge', name: 'prices' };
      const started = { ...hedgeEvent, type: 'hedge.started', enforcement: 'enforce', reason: 'slow' };
      expect(recorder.events).toEqual([
        { ...started, attempt: 2 },
        { ...started, attempt: 2 },
        { ...started, attempt: 3 },
        { ...hedgeEvent, type: 'hedge.won', attempt: 3 },
      ]);
    });

    it('charter C3: are the same for the call with listeners that throw', async () => {
      const events = createEvents();
      events.listen(() => {
        throw new Error('bad listener');
      });
      const call = observe(make({ events }).execute(scripted(clock, [500, ''], [10, 'second']).run));

      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
      expect(hookErrors.map(({ hook }) => hook)).toEqual(['listener', 'listener']);
    });
  });

  describe('charter C4: hands on what an operation comes to, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      const policy = make();
      const call = observe(policy.execute(operation));

      await clock.runAll();

      expect(call()).toEqual(expected);
      expect(policy.snapshot().hedged).toBe(0);
    });
  });

  it('takes an instant that was read, and reads the clock at most once where there is a deadline', () => {
    let reads = 0;
    const counting = { ...clock, now: () => (reads++, clock.now()), setTimer: clock.setTimer.bind(clock) };
    const seen: number[] = [];
    const handler = hedge({ delayMs: 1, clock: counting }).layer((operation, context, sink, now) => {
      seen.push(now);
      invoke(operation, context, sink, now);
    });
    const ignore = { resolve: () => {}, reject: () => {}, refuse: () => {} };
    const parent = Context.withClock(counting).withTimeout(500);
    reads = 0;

    handler(() => 1, parent, ignore, 7);
    expect([seen, reads]).toEqual([[7], 0]);
    handler(() => 1, parent, ignore, Number.NEGATIVE_INFINITY);
    expect([seen, reads]).toEqual([[7, 0], 1]);
    handler(() => 1, Context.background, ignore, Number.NEGATIVE_INFINITY);
    expect([seen, reads]).toEqual([[7, 0, Number.NEGATIVE_INFINITY], 1]);
  });

  it('charter A3: leaves no listener on a long-lived signal after 10,000 calls, hedged and not', async () => {
    const controller = new AbortController();
    const shared = Context.from(controller.signal);
    const policies = [
      make({ maxHedgeRatio: 1 }),
      make({ maxHedgeRatio: 1, maxAttempts: 4, hedgeOnFailure: true }),
      make({ delayMs: { quantile: 0.9, maxMs: 100 }, maxHedgeRatio: 1 }),
      make({ enforcement: 'observe', maxHedgeRatio: 1 }),
    ];

    for (let round = 0; round < 250; round++) {
      for (const [index, policy] of Array.from(
        { length: 40 },
        (_each, nth) => [nth % 10, policies[nth % 4]] as const,
      )) {
        const run = scripted(clock, [index * 20, index % 3 === 0 ? new Error('x') : 1], [10, 2]).run;
        observe(policy!.execute((context) => (index % 2 === 0 && context.signal.aborted ? 0 : run(context)), shared));
      }
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await clock.runAll();
    }

    const snapshots = policies.map((policy) => policy.snapshot());
    expect(snapshots.map(({ calls }) => calls)).toEqual([2500, 2500, 2500, 2500]);
    expect(snapshots.reduce((sum, { hedged }) => sum + hedged, 0)).toBeGreaterThan(1000);
    expect(snapshots.map(({ runningLosers }) => runningLosers)).toEqual([0, 0, 0, 0]);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect(clock.pendingCount).toBe(0);
  });
});
