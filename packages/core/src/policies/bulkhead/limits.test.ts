import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe, settled } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type Bulkhead, type BulkheadOptions, type BulkheadPermit, bulkhead } from './bulkhead.ts';

/** A bulkhead of one permit, which is taken. */
function full(options: BulkheadOptions = {}): { policy: Bulkhead; permit: BulkheadPermit } {
  const policy = bulkhead({ maxConcurrent: 1, maxQueued: 3, ...options });
  return { policy, permit: policy.tryAcquire() as BulkheadPermit };
}

/** Makes a call that notes its start as `id`. */
function call(policy: Bulkhead, log: string[], id: string): ReturnType<typeof observe> {
  return observe(policy.execute(() => log.push(id)));
}

describe('the limits of a bulkhead', () => {
  describe('charter O1: update', () => {
    it('that grows starts those that wait, and one that shrinks lets those go on that run', async () => {
      const clock = virtualClock();
      const policy = bulkhead({ maxConcurrent: 1, maxQueued: 9, clock });
      const calls = Array.from({ length: 6 }, () => observe(policy.execute(() => after(clock, 10, 'done'))));

      policy.update({ maxConcurrent: 3 });
      expect(policy.snapshot()).toMatchObject({ running: 3, queued: 3, maxConcurrent: 3 });
      policy.update({ maxConcurrent: 1 });
      expect(policy.snapshot()).toMatchObject({ running: 3, queued: 3 });
      await clock.advance(10);
      expect(policy.snapshot()).toMatchObject({ running: 1, queued: 2 });
      await clock.advance(30);

      expect(calls.map((one) => one().status)).toEqual(Array.from({ length: 6 }, () => 'fulfilled'));
      expect(policy.snapshot()).toMatchObject({ running: 0, admitted: 6, peakRunning: 3, peakQueued: 5 });
    });

    it('of maxWaitMs holds for those that wait, and of maxQueued for those that come', async () => {
      const clock = virtualClock();
      const { policy } = full({ maxQueued: 2, clock });
      const waiting = [call(policy, [], 'a'), call(policy, [], 'b')];
      await clock.advance(100);

      policy.update({ maxQueued: 1 });
      expect(policy.snapshot()).toMatchObject({ queued: 2, maxQueued: 1 });
      policy.update({ maxWaitMs: 150 });
      await clock.advance(49);
      expect(waiting.map((one) => one().status)).toEqual(['pending', 'pending']);
      policy.update({ maxWaitMs: 120 });
      await settle();

      expect(waiting.map((one) => one())).toMatchObject([0, 1].map(() => ({ error: { reason: 'max-wait' } })));
      expect(clock.pendingCount).toBe(0);
    });

    it.each([
      [{ maxConcurrent: 0 }, 'ConfigError: bulkhead.maxConcurrent must be an integer from 1 to 1000000, got 0'],
      [
        { maxConcurrent: 5, maxWaitMs: 0 },
        'ConfigError: bulkhead.maxWaitMs must be a number from 1 to Infinity, got 0',
      ],
      [{ order: 'lifo' }, 'ConfigError: bulkhead.order must be one of "fifo", "adaptive-lifo", got "lifo"'],
      [{ maxQueued: 1, name: 'other' }, 'TypeError: bulkhead.update has no option "name"; it knows enforcement'],
      [null, 'ConfigError: bulkhead.update must be an object of options, got null'],
    ])('changes nothing when it refuses %j', (changes, message) => {
      const { policy } = full();
      const before = [policy.snapshot(), policy.describe()];

      expect(verdictOn((given) => policy.update(given), changes)).toContain(message);
      expect(verdictOn((given) => policy.planUpdate(given), changes)).toContain(message);
      expect([policy.snapshot(), policy.describe()]).toEqual(before);
    });

    it('that is planned changes nothing until it is made', () => {
      const { policy } = full();
      const make = policy.planUpdate({ maxConcurrent: 7 });

      expect(policy.snapshot().maxConcurrent).toBe(1);
      make();
      expect(policy.snapshot()).toMatchObject({ maxConcurrent: 7, maxQueued: 3, running: 1 });
    });
  });

  describe('charter O2: enforcement', () => {
    it('observe lets all calls run, and counts and tells those that would have been refused', async () => {
      const clock = virtualClock();
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = bulkhead({ maxConcurrent: 1, maxQueued: 2, minRunMs: 5, enforcement: 'observe', clock, events });
      for (let index = 0; index < 5; index++) observe(policy.execute(() => after(clock, 10, index)));
      observe(policy.execute(never, Context.withClock(clock).withTimeout(4)));

      expect(policy.snapshot()).toMatchObject({ running: 6, queued: 0, admitted: 6, rejected: 0, observed: 3 });
      const told = ['queue-full', 'queue-full', 'would-miss-deadline'];
      expect(recorder.events).toMatchObject(
        told.map((reason) => ({ type: 'bulkhead.rejected', reason, enforcement: 'observe' })),
      );
      await clock.advance(10);
      expect(policy.snapshot().running).toBe(0);
    });

    it('off neither refuses nor counts', async () => {
      const policy = bulkhead({ maxConcurrent: 1, enforcement: 'off' });
      for (let index = 0; index < 5; index++) observe(policy.execute(never));
      const permit = policy.tryAcquire();

      expect([permit?.release(), permit?.release()]).toEqual([true, false]);
      expect(policy.snapshot()).toMatchObject({ running: 0, admitted: 0, observed: 0, rejected: 0 });
    });

    it.each(['observe', 'off'] as const)('%s starts those that wait, in order', async (enforcement) => {
      const { policy, permit } = full({ maxWaitMs: 10, clock: virtualClock() });
      const log: string[] = [];
      for (const id of ['a', 'b', 'c']) call(policy, log, id);

      policy.update({ enforcement });
      permit.release();

      expect(log).toEqual(['a', 'b', 'c']);
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0, rejected: 0 });
    });

    it('enforce again admits nobody until fewer run than may', async () => {
      const policy = bulkhead({ maxConcurrent: 2, enforcement: 'observe' });
      const permits = [0, 1, 2].map(() => policy.tryAcquire());
      policy.update({ enforcement: 'enforce' });

      permits[0]?.release();
      expect(await settled(policy.execute(never))).toMatchObject({ error: { reason: 'queue-full' } });
      permits[1]?.release();
      expect(await settled(policy.execute(() => 'ran'))).toMatchObject({ value: 'ran' });
    });
  });
});
