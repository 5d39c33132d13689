import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Clock } from '../../kernel/clock.ts';
import { Context } from '../../kernel/context.ts';
import { type HookError, isRejection } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { retry } from '../retry/retry.ts';
import { type RateLimitedError, type RateLimiter, rateLimiter, rateLimiterDefaults } from './rate-limiter.ts';

/** Makes `count` calls at once and counts those that ran. */
async function flood(policy: RateLimiter, count: number): Promise<number> {
  let runs = 0;
  await Promise.all(Array.from({ length: count }, () => settled(policy.execute(() => runs++))));
  return runs;
}

/** One call each 10 ms, one at once. */
const spaced = { maxPerInterval: 100, maxBurst: 1 };

describe('rateLimiter', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('(1) lets a burst start, and then one call each time another is due', async () => {
    const clock = virtualClock(1000);
    const policy = rateLimiter({ maxPerInterval: 10, maxBurst: 3, clock });

    expect(await flood(policy, 5)).toBe(3);
    await clock.advance(99);
    expect(await flood(policy, 5)).toBe(0);
    await clock.advance(1);
    expect(await flood(policy, 5)).toBe(1);
    await clock.advance(250);
    expect(await flood(policy, 5)).toBe(2);
    await clock.advance(50);
    expect(await flood(policy, 5)).toBe(1);
    await clock.advance(10_000);
    expect(await flood(policy, 5)).toBe(3);
    expect(policy.snapshot()).toMatchObject({ rejected: 20, available: 0 });
  });

  it('lets maxPerInterval calls start at once unless it is told otherwise', async () => {
    expect(await flood(rateLimiter({ maxPerInterval: 7, clock: virtualClock() }), 10)).toBe(7);
    expect(await flood(rateLimiter({ ...spaced, clock: virtualClock() }), 10)).toBe(1);
  });

  it('charter H9: refuses instead of queueing unless it is told to queue', async () => {
    const policy = rateLimiter({ name: 'maps', ...spaced, clock: virtualClock() });
    await flood(policy, 1);
    const refused = await settled(policy.execute(never));

    expect(rateLimiterDefaults.maxQueued).toBe(0);
    expect(refused).toMatchObject({
      error: {
        name: 'RateLimitedError',
        code: 'RATE_LIMITED',
        message: 'maps allows 100 per 1000 ms',
        policy: 'maps',
        maxPerInterval: 100,
        intervalMs: 1000,
      },
    });
    expect(isRejection((refused as { error: unknown }).error)).toBe(true);
  });

  it('says exactly when to come back: then the call runs, and a moment earlier it does not', async () => {
    const clock = virtualClock();
    const policy = rateLimiter({ maxPerInterval: 8, maxBurst: 2, clock });
    await flood(policy, 2);
    await clock.advance(25);
    const { error } = (await settled(policy.execute(never))) as { error: RateLimitedError };

    expect(error.retryAfterMs).toBe(100);
    await clock.advance(Number(error.retryAfterMs) - 0.001);
    expect(await flood(policy, 1)).toBe(0);
    await clock.advance(0.001);
    expect(await flood(policy, 1)).toBe(1);
  });

  it('(2) lets maxQueued calls wait for their turn, in order, and refuses the next', async () => {
    const clock = virtualClock();
    const policy = rateLimiter({ ...spaced, maxQueued: 2, clock });
    const started: string[] = [];
    const start = (id: string) => observe(policy.execute(() => started.push(`${id} at ${clock.now()}`)));
    for (const id of ['a', 'b', 'c']) start(id);
    const refused = start('d');
    await settle();

    expect(refused()).toMatchObject({ error: { code: 'RATE_LIMITED', retryAfterMs: 30 } });
    expect(policy.snapshot()).toMatchObject({ queued: 2, available: 0, rejected: 1 });
    await clock.advance(10);
    start('e');
    await clock.advance(100);
    expect(started).toEqual(['a at 0', 'b at 10', 'c at 20', 'e at 30']);
  });

  it('(2) lets no new call pass one that waits, not even one made by a call that starts', async () => {
    const clock = virtualClock();
    const policy = rateLimiter({ ...spaced, maxQueued: 5, clock });
    const started: string[] = [];
    await flood(policy, 1);
    observe(policy.execute(() => (started.push('first'), policy.execute(() => started.push('nested')))));
    observe(policy.execute(() => started.push('second')));

    await clock.runAll();

    expect(started).toEqual(['first', 'second', 'nested']);
  });

  it('(2) lets no new call pass one that waits, though its timer is late', async () => {
    const clock = virtualClock();
    let lateMs = 0;
    const blocked: Clock = {
      now: () => clock.now() + lateMs,
      setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    };
    const policy = rateLimiter({ ...spaced, maxQueued: 5, clock: blocked });
    const started: string[] = [];
    await flood(policy, 1);
    observe(policy.execute(() => started.push('first')));
    lateMs = 100;
    observe(policy.execute(() => started.push('second')));

    expect(started).toEqual([]);
    expect(policy.snapshot()).toMatchObject({ queued: 2, available: 0 });
    await clock.advance(20);
    expect(started).toEqual(['first', 'second']);
  });

  it('(3) charter H9: refuses at once a call whose turn would come at its deadline or later', async () => {
    const clock = virtualClock();
    const policy = rateLimiter({ ...spaced, maxQueued: 5, clock });
    const within = (ms: number) => Context.withClock(clock).withTimeout(ms);
    await flood(policy, 1);
    const fits = observe(policy.execute(() => 'in time', within(11)));
    const isLate = observe(policy.execute(() => 'late', within(20)));
    await settle();

    expect(isLate()).toMatchObject({ error: { code: 'RATE_LIMITED', retryAfterMs: 20 } });
    await clock.advance(10);
    expect(fits()).toEqual({ status: 'fulfilled', value: 'in time' });
    expect(policy.snapshot()).toMatchObject({ queued: 0, rejected: 1 });
  });

  it('charter H9: counts the wait against the deadline, where the limits got tighter meanwhile', async () => {
    const clock = virtualClock();
    const policy = rateLimiter({ ...spaced, maxQueued: 5, clock });
    const context = Context.withClock(clock).withTimeout(50);
    await flood(policy, 1);
    const waiting = observe(policy.execute(never, context));

    policy.update({ maxPerInterval: 1 });
    await clock.advance(50);

    expect(waiting()).toEqual({ status: 'rejected', error: context.cause });
    expect(policy.snapshot()).toMatchObject({ queued: 0, backlogMs: 950 });
    expect(clock.pendingCount).toBe(0);
  });

  describe('(4) charter G5: when the caller aborts', () => {
    const reason = { why: 'the user left' };

    it('before the call, uses nothing up', async () => {
      const policy = rateLimiter({ ...spaced, clock: virtualClock() });
      const call = await settled(policy.execute(never, Context.from(AbortSignal.abort(reason))));

      expect(call).toEqual({ status: 'rejected', error: reason });
      expect(policy.snapshot()).toMatchObject({ available: 1, backlogMs: 0, rejected: 0 });
    });

    it('on the way in, uses nothing up and waits for nothing', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 1, clock });
      const sinks: unknown[] = [];
      const sink = { resolve: never, reject: never, refuse: (error: unknown) => void sinks.push(error) };
      const context = Context.background.withCancel();
      context.cancel(reason);
      const handler = policy.layer((_operation, own, inside, now) => inside.refuse(own.cause, now));

      handler(never, context, sink, 0);
      await flood(policy, 1);
      handler(never, context, sink, 0);

      const late = Context.withClock(clock).withTimeout(5);
      await clock.advance(5);
      handler(never, late, sink, 5); // nobody knows yet that it has ended

      expect(sinks).toEqual([reason, reason, late.cause]);
      expect(policy.snapshot()).toMatchObject({ queued: 0, rejected: 0, backlogMs: 5 });
    });

    it('while it waits, rejects within the tick, and gives its turn to the next', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 3, clock });
      const context = Context.background.withCancel();
      await flood(policy, 1);
      let runs = 0;
      const waiting = observe(policy.execute(() => runs++, context));
      const next = observe(policy.execute(() => clock.now()));

      context.cancel(reason);
      await Promise.resolve();
      await Promise.resolve();

      expect(waiting()).toEqual({ status: 'rejected', error: reason });
      expect(policy.snapshot()).toMatchObject({ queued: 1, backlogMs: 10 });
      await clock.advance(10);
      expect(next()).toMatchObject({ status: 'fulfilled' });
      expect(runs).toBe(0);
    });

    it('with a whole queue under one context, leaves nothing behind', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 50, clock });
      const context = Context.background.withCancel();
      await flood(policy, 1);
      let runs = 0;
      for (let call = 0; call < 50; call++) observe(policy.execute(() => runs++, context));

      context.cancel(reason);

      expect(policy.snapshot()).toMatchObject({ queued: 0, backlogMs: 10 });
      expect(clock.pendingCount).toBe(0);
      await clock.advance(1000);
      expect(runs).toBe(0);
    });

    it('while another of its calls is told, hands out none that is about to be told', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 5, clock });
      const context = Context.background.withCancel();
      await flood(policy, 1);
      context.onCancel(() => policy.update({ enforcement: 'off' }));
      let runs = 0;
      const waiting = [0, 1].map(() => observe(policy.execute(() => runs++, context)));

      context.cancel(reason);
      await settle();

      expect(waiting.map((call) => call())).toEqual([0, 1].map(() => ({ status: 'rejected', error: reason })));
      expect(runs).toBe(0);
      expect(policy.snapshot().queued).toBe(0);
    });

    it('while it runs, rejects at once', async () => {
      const policy = rateLimiter({ ...spaced, clock: virtualClock() });
      const context = Context.background.withCancel();
      const running = observe(policy.execute(never, context));

      context.cancel(reason);
      await settle();

      expect(running()).toEqual({ status: 'rejected', error: reason });
    });
  });

  it('(5) has one timer while calls wait, and none at rest', async () => {
    const clock = virtualClock();
    const policy = rateLimiter({ ...spaced, maxQueued: 10, clock });

    await flood(policy, 1);
    expect(clock.pendingCount).toBe(0);
    for (let call = 0; call < 10; call++) observe(policy.execute(() => call));
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 1]);
    await clock.advance(50);
    expect(clock.pendingCount).toBe(1);
    await clock.advance(60);
    expect(clock.pendingCount).toBe(0);
    expect(policy.snapshot().queued).toBe(0);
  });

  it('reads the clock once per call, and not at all when it is off', async () => {
    let reads = 0;
    const clock = virtualClock();
    const counting: Clock = { now: () => reads++, setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs) };
    const policy = rateLimiter({ maxPerInterval: 10, clock: counting });

    await settled(policy.execute(() => 'fine'));
    expect(reads).toBe(1);
    policy.update({ enforcement: 'off' });
    reads = 0;
    await settled(policy.execute(() => 'fine'));
    expect(reads).toBe(0);
  });

  it('charter E7: refusals do not open a circuit around it', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ minimumCalls: 2, clock });
    const limiter = rateLimiter({ ...spaced, clock });
    const calls = Array.from({ length: 20 }, () => settled(pipeline(breaker, limiter).execute(() => 'value')));
    await Promise.all(calls);

    expect(breaker.state).toBe('closed');
    expect(limiter.snapshot().rejected).toBe(19);
  });

  it('charter F4: a refusal is not retried', async () => {
    const clock = virtualClock();
    const again = retry({ clock });
    const limiter = rateLimiter({ ...spaced, clock });
    await flood(limiter, 1);

    expect(await settled(pipeline(again, limiter).execute(never))).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    expect(again.retriedCount).toBe(0);
  });

  it('tells its listeners of a refusal', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const policy = rateLimiter({ name: 'maps', maxPerInterval: 4, maxBurst: 1, clock: virtualClock(), events });
    await flood(policy, 2);

    expect(recorder.events).toEqual([
      {
        type: 'rate-limiter.rejected',
        policy: 'rate-limiter',
        name: 'maps',
        enforcement: 'enforce',
        retryAfterMs: 250,
      },
    ]);
  });

  it('charter C3: is the same with listeners that throw', async () => {
    const events = createEvents();
    const cause = new Error('bad listener');
    events.listen(() => {
      throw cause;
    });
    const policy = rateLimiter({ ...spaced, clock: virtualClock(), events });

    expect(await flood(policy, 3)).toBe(1);
    expect(policy.snapshot().rejected).toBe(2);
    expect(hookErrors).toMatchObject([
      { hook: 'listener', cause },
      { hook: 'listener', cause },
    ]);
  });

  it('charter A3: leaves no listener on a long-lived signal, of calls that waited, were refused and ran', async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const policy = rateLimiter({ maxPerInterval: 1000, maxBurst: 1, maxQueued: 2, clock });

    for (let round = 0; round < 200; round++) {
      for (let call = 0; call < 5; call++) observe(policy.execute(() => call, Context.from(controller.signal)));
      // oxlint-disable-next-line no-await-in-loop -- one round after the other
      await clock.advance(3);
    }

    expect(policy.snapshot()).toMatchObject({ queued: 0, rejected: 400 });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('does not end a call that runs longer than the interval', async () => {
    const clock = virtualClock();
    const call = observe(rateLimiter({ ...spaced, clock }).execute(() => after(clock, 5000, 'slow')));

    await clock.advance(5000);

    expect(call()).toEqual({ status: 'fulfilled', value: 'slow' });
  });

  describe('charter C4: hands on what an operation comes to, at once and after a wait, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 1, clock });
      const calls = [settled(policy.execute(operation)), settled(policy.execute(operation))];
      await clock.runAll();

      expect(await Promise.all(calls)).toEqual([expected, expected]);
    });
  });

  describe('options', () => {
    const table = optionTable(
      'rateLimiter',
      {
        name: { kind: 'name' },
        maxPerInterval: { kind: 'integer', min: 1, max: 1_000_000, isRequired: true },
        intervalMs: { kind: 'number', min: 1, max: 86_400_000 },
        maxBurst: { kind: 'integer', min: 1, max: 1_000_000 },
        maxQueued: { kind: 'integer', min: 0, max: 1_000_000 },
        initialBacklogMs: { kind: 'number', min: 0, max: Infinity },
        costOf: { kind: 'function' },
      },
      { maxPerInterval: 1 },
    );

    it.each(table)('$title', ({ options, expected }) => {
      expect(verdictOn(rateLimiter, options)).toBe(expected);
    });

    it('may be maxPerInterval alone, in the same range', () => {
      expect(rateLimiter(7).snapshot()).toMatchObject({ maxPerInterval: 7, intervalMs: 1000, maxBurst: 7 });
      expect(verdictOn(rateLimiter, 0)).toContain('rateLimiter.maxPerInterval must be an integer from 1 to 1000000');
      expect(verdictOn(rateLimiter, {})).toContain('rateLimiter.maxPerInterval must be an integer');
    });

    it('allow at most a thousand calls per millisecond, which is as finely as instants are told apart', () => {
      expect(verdictOn(rateLimiter, { maxPerInterval: 1_000_000, intervalMs: 1000 })).toBe('accepted');
      expect(verdictOn(rateLimiter, { maxPerInterval: 1_000_000, intervalMs: 999 })).toContain(
        'rateLimiter.intervalMs must be a number from 1000 to 86400000, got 999',
      );
    });

    it('know three kinds of enforcement', () => {
      expect(verdictOn(rateLimiter, { maxPerInterval: 1, enforcement: 'forced' })).toContain(
        'rateLimiter.enforcement must be one of "enforce", "observe", "off", got "forced"',
      );
    });

    it('are refused with the known ones where one is unknown', () => {
      expect(verdictOn(rateLimiter, { maxPerInterval: 1, burst: 3 })).toContain(
        'TypeError: rateLimiter has no option "burst"; it knows ',
      );
    });
  });
});
