import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { observe, settled } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { type RateLimiter, rateLimiter } from './rate-limiter.ts';

/** Makes `count` calls at once and counts those that ran. */
async function flood(policy: RateLimiter, count: number): Promise<number> {
  let runs = 0;
  await Promise.all(Array.from({ length: count }, () => settled(policy.execute(() => runs++))));
  return runs;
}

/** One call each 10 ms, one at once. */
const spaced = { maxPerInterval: 100, maxBurst: 1 };

describe('the pace of a rate limiter', () => {
  describe('charter O1: update', () => {
    it('keeps what was used up, in calls', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ maxPerInterval: 10, clock });
      await flood(policy, 8);

      policy.update({ maxPerInterval: 20 });
      expect(policy.snapshot()).toMatchObject({ maxPerInterval: 20, maxBurst: 20, available: 12, backlogMs: 400 });
      policy.update({ maxBurst: 5 });
      expect(policy.snapshot()).toMatchObject({ maxPerInterval: 20, maxBurst: 5, available: 0, backlogMs: 250 });
      policy.update({ maxPerInterval: 10, intervalMs: 10_000 });
      expect(policy.snapshot()).toMatchObject({ maxBurst: 5, available: 0, backlogMs: 5000, rejected: 0 });
    });

    it('keeps those that wait in their places, and lets them go at the new rate', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ maxPerInterval: 1, maxQueued: 3, clock });
      const startedAt: number[] = [];
      for (let call = 0; call < 4; call++) observe(policy.execute(() => startedAt.push(clock.now())));

      policy.update({ maxPerInterval: 10, maxBurst: 1, maxQueued: 0 });
      expect(policy.snapshot()).toMatchObject({ queued: 3, maxQueued: 0 });
      expect(clock.pendingCount).toBe(1);
      await clock.advance(1000);

      expect(startedAt).toEqual([0, 100, 200, 300]);
    });

    it('leaves no timer behind when a call that starts makes another one', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 5, clock });
      const started: string[] = [];
      await flood(policy, 1);
      observe(policy.execute(() => (started.push('first'), policy.execute(() => started.push('nested')))));
      observe(policy.execute(() => started.push('second')));

      policy.update({ maxBurst: 10 });

      expect(started).toEqual(['first', 'second', 'nested']);
      expect(clock.pendingCount).toBe(0);
    });

    it('does not grow the stack when each of many that wait changes the limits', () => {
      const policy = rateLimiter({ ...spaced, maxQueued: 20_000, clock: virtualClock() });
      let runs = 0;
      for (let call = 0; call <= 20_000; call++) observe(policy.execute(() => (policy.update({}), runs++)));

      policy.update({ enforcement: 'off' });

      expect(runs).toBe(20_001);
    });

    it('takes effect while calls start', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 5, clock });
      const started: string[] = [];
      await flood(policy, 1);
      observe(policy.execute(() => (started.push('first'), policy.update({ enforcement: 'off' }))));
      observe(policy.execute(() => started.push('second')));

      await clock.advance(10);

      expect(started).toEqual(['first', 'second']);
      expect(clock.pendingCount).toBe(0);
    });

    it.each([
      [{ maxPerInterval: 0 }, 'ConfigError: rateLimiter.maxPerInterval must be an integer from 1 to 1000000, got 0'],
      [{ maxPerInterval: 20, maxBurst: -1 }, 'ConfigError: rateLimiter.maxBurst must be an integer from 1'],
      [{ maxQueued: 1, intervalMs: 0 }, 'ConfigError: rateLimiter.intervalMs must be a number from 1 to 86400000'],
      [
        { maxQueued: 1, name: 'other' },
        'TypeError: rateLimiter.update has no option "name"; it knows costOf, enforcement, intervalMs',
      ],
      [null, 'ConfigError: rateLimiter.update must be an object of options, got null'],
    ])('(1) changes nothing when it refuses %j', async (changes, message) => {
      const policy = rateLimiter({ maxPerInterval: 10, clock: virtualClock() });
      await flood(policy, 3);
      const before = policy.snapshot();

      expect(verdictOn((given) => policy.update(given), changes)).toContain(message);
      expect(policy.snapshot()).toEqual(before);
    });

    it('(2) of nothing changes nothing', async () => {
      const policy = rateLimiter({ maxPerInterval: 10, clock: virtualClock() });
      await flood(policy, 3);
      const before = policy.snapshot();

      policy.update({});
      policy.update({ maxPerInterval: undefined } as object);

      expect(policy.snapshot()).toEqual(before);
    });
  });

  describe('(6) charter O2: enforcement', () => {
    it('observe lets all calls run, and counts those that would have been refused', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const clock = virtualClock();
      const policy = rateLimiter({ name: 'maps', ...spaced, enforcement: 'observe', clock, events });

      expect(await flood(policy, 3)).toBe(3);
      expect(policy.snapshot()).toMatchObject({ observed: 2, rejected: 0, queued: 0, enforcement: 'observe' });
      expect(recorder.events).toMatchObject(
        [0, 1].map(() => ({ type: 'rate-limiter.rejected', name: 'maps', enforcement: 'observe' })),
      );
      await clock.advance(10);
      expect(await flood(policy, 1)).toBe(1);
      expect(policy.snapshot().observed).toBe(2);
    });

    it('observe counts the wait against the deadline', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 5, enforcement: 'observe', clock });
      await flood(policy, 1);

      await policy.execute(() => 1, Context.withClock(clock).withTimeout(10));
      expect(policy.snapshot().observed).toBe(1);
      await policy.execute(() => 1, Context.withClock(clock).withTimeout(11));
      expect(policy.snapshot().observed).toBe(1);
    });

    it('off neither refuses nor counts', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, enforcement: 'off', clock });

      expect(await flood(policy, 10)).toBe(10);
      expect(policy.snapshot()).toMatchObject({ available: 1, backlogMs: 0, observed: 0, rejected: 0 });
    });

    it.each(['observe', 'off'] as const)('%s lets those go who wait, in order', async (enforcement) => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 5, clock });
      const started: number[] = [];
      await flood(policy, 1);
      for (let call = 0; call < 5; call++) observe(policy.execute(() => started.push(call)));

      policy.update({ enforcement });

      expect(started).toEqual([0, 1, 2, 3, 4]);
      expect(policy.snapshot().backlogMs).toBe(10); // they were not admitted
      expect(clock.pendingCount).toBe(0);
    });

    it('enforce again asks for no longer a wait than a whole burst takes', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 100, enforcement: 'observe', clock });
      await flood(policy, 50);
      expect(policy.snapshot().backlogMs).toBe(500);

      policy.update({ enforcement: 'enforce' });

      expect(policy.snapshot().backlogMs).toBe(10);
    });
  });

  it('charter L6: goes on where another left off, by one plain number', async () => {
    const before = rateLimiter({ maxPerInterval: 10, intervalMs: 3_600_000, clock: virtualClock() });
    await flood(before, 10);
    const { backlogMs } = JSON.parse(JSON.stringify(before.snapshot())) as { backlogMs: number };
    const make = (initialBacklogMs: number) =>
      rateLimiter({ maxPerInterval: 10, intervalMs: 3_600_000, initialBacklogMs, clock: virtualClock(5) });

    expect(await flood(make(backlogMs), 10)).toBe(0);
    expect(await flood(make(backlogMs - 720_000), 10)).toBe(2);
    expect(await flood(make(0), 10)).toBe(10);
    expect(make(Infinity).snapshot().backlogMs).toBe(3_600_000);
  });
});
