import { beforeEach, describe, expect, it } from 'vitest';

import { CancelledError } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Handler, Sink } from '../../kernel/handler.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { createPolicy } from '../../kernel/policy.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, operationTable, scripted } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from '../bulkhead/bulkhead.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { type HedgeOptions, hedge } from './hedge.ts';

describe('hedge', () => {
  let clock: VirtualClock;

  beforeEach(() => {
    clock = virtualClock();
  });

  const make = (options: Partial<HedgeOptions> = {}) => hedge({ delayMs: 100, clock, ...options });
  const none = { hedged: 0, wonByHedge: 0, suppressedByBudget: 0, runningLosers: 0, lateLosers: 0, delayMs: 100 };

  describe('under another enforcement', () => {
    it('(8) observe starts no copy, and tells of those that it would have started', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make({ name: 'prices', enforcement: 'observe', maxAttempts: 3, events });
      const operation = scripted(clock, [250, 'first']);
      const call = observe(policy.execute(operation.run));

      await clock.advance(100);
      expect(clock.referencedCount).toBe(1); // that of the operation: nobody waits for ours
      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 'first' });
      expect(operation.startedAt).toEqual([0]);
      const started = {
        type: 'hedge.started',
        policy: 'hedge',
        name: 'prices',
        enforcement: 'observe',
        reason: 'slow',
      };
      expect(recorder.events).toEqual([
        { ...started, attempt: 2 },
        { ...started, attempt: 3 },
      ]);
      expect(policy.snapshot()).toEqual({ ...none, enforcement: 'observe', calls: 1, observed: 2 });
    });

    it('(8) observe counts the hedge that a failure would have started, and hands the failure on', async () => {
      const policy = make({ enforcement: 'observe', hedgeOnFailure: true });
      const error = new Error('down');
      const call = observe(policy.execute(() => Promise.reject(error)));
      const ignored = observe(policy.execute(() => Promise.reject(new CancelledError())));
      await clock.runAll();

      expect(call()).toEqual({ status: 'rejected', error });
      expect(ignored().status).toBe('rejected');
      expect(policy.snapshot()).toMatchObject({ calls: 2, observed: 1 });
    });

    it.each([
      [100, 0],
      [101, 1],
      [200, 1],
      [201, 2],
    ])('(8) observe counts what fits in before a deadline of %d ms: %d', async (timeoutMs, observed) => {
      const policy = make({ enforcement: 'observe', maxAttempts: 5 });
      const context = Context.withClock(clock).withTimeout(timeoutMs);
      const call = observe(policy.execute(never, context));
      await clock.runAll();

      expect(call()).toEqual({ status: 'rejected', error: context.cause });
      expect(policy.snapshot()).toMatchObject({ observed });
      expect(clock.pendingCount).toBe(0);
    });

    it('(8) observe counts nothing where the deadline has passed before its timer could say so', async () => {
      const late = virtualClock();
      const policy = make({ enforcement: 'observe' });
      observe(policy.execute(never, Context.withClock(late).withTimeout(150)));
      await settle();
      late.now = () => 150; // the event loop was busy: timers are late

      await clock.runAll();

      expect(policy.snapshot()).toMatchObject({ observed: 0 });
    });

    it('(6) (8) observe waits no longer where a listener settles the call', async () => {
      const events = createEvents();
      const sinks: Sink[] = [];
      events.listen(() => sinks[0]?.resolve('value', clock.now()));
      const layer = (): Handler => (_operation, _context, sink) => sinks.push(sink);
      const held = createPolicy({ kind: 'held', name: 'held', layer });
      const call = observe(pipeline(make({ enforcement: 'observe', maxAttempts: 3, events }), held).execute(never));

      await clock.advance(100);

      expect(call()).toEqual({ status: 'fulfilled', value: 'value' });
      expect(clock.pendingCount).toBe(0);
    });

    it('(8) observe asks the budget as enforce does, once per call', async () => {
      const policy = make({ enforcement: 'observe', maxHedgeRatio: 0, maxAttempts: 5, hedgeOnFailure: true });
      observe(policy.execute(scripted(clock, [900, new Error('down')]).run));
      await clock.runAll();

      expect(policy.snapshot()).toMatchObject({ observed: 0, suppressedByBudget: 1 });
    });

    it.each(operationTable())('(8) observe hands on what an operation comes to, when it $title', async (row) => {
      const call = observe(make({ enforcement: 'observe' }).execute(row.operation));
      await clock.runAll();

      expect(call()).toEqual(row.expected);
    });

    it('(8) observe hands a refusal on as one', async () => {
      const gate = bulkhead({ maxConcurrent: 1 });
      observe(gate.execute(never));
      const breaker = circuitBreaker({ clock });
      const call = observe(pipeline(breaker, make({ enforcement: 'observe' }), gate).execute(never));
      await settle();

      expect(call()).toMatchObject({ error: { code: 'BULKHEAD_FULL' } });
      expect(breaker.snapshot()).toMatchObject({ verdicts: { success: 0, failure: 0 } });
      expect(clock.pendingCount).toBe(0);
    });

    it('(8) off does nothing and counts nothing', async () => {
      const policy = make({ enforcement: 'off' });
      const operation = scripted(clock, [900, 'first']);
      const context = Context.withClock(clock).withCancel();
      const call = observe(policy.execute(operation.run, context));
      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 'first' });
      expect(operation.contexts).toEqual([context]);
      expect(policy.snapshot()).toEqual({ ...none, enforcement: 'off', calls: 0, observed: 0 });
    });
  });
});
