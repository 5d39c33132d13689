import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { type HookError, isRejection } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { fallback } from '../fallback/fallback.ts';
import { type Bulkhead, BulkheadFullError, bulkhead, bulkheadDefaults } from './bulkhead.ts';

/** Fills `count` permits with calls that end when told to. */
function occupy(policy: Bulkhead, count: number): { end: () => Promise<void> }[] {
  return Array.from({ length: count }, () => {
    let finish: (value: unknown) => void = () => {};
    void observe(policy.execute(() => new Promise((resolve) => (finish = resolve))));
    return {
      end: () => {
        finish(undefined);
        return settle();
      },
    };
  });
}

describe('bulkhead', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('runs maxConcurrent calls at once and refuses the next', async () => {
    const policy = bulkhead({ name: 'reports', maxConcurrent: 3 });
    occupy(policy, 3);
    let runs = 0;
    const call = await settled(policy.execute(() => runs++));

    expect(call).toMatchObject({
      error: {
        name: 'BulkheadFullError',
        code: 'BULKHEAD_FULL',
        policy: 'reports',
        reason: 'queue-full',
        maxConcurrent: 3,
        maxQueued: 0,
      },
    });
    expect(runs).toBe(0);
    expect(policy.snapshot()).toEqual({
      running: 3,
      queued: 0,
      admitted: 3,
      rejected: 1,
      rejections: { 'queue-full': 1, 'would-miss-deadline': 0, 'max-wait': 0, evicted: 0 },
      observed: 0,
      peakRunning: 3,
      peakQueued: 0,
      maxConcurrent: 3,
      maxQueued: 0,
      maxWaitMs: Infinity,
      enforcement: 'enforce',
    });
  });

  it('admits a call as soon as another has ended', async () => {
    const policy = bulkhead(1);
    const [first] = occupy(policy, 1);

    await first?.end();

    await expect(policy.execute(() => 'value')).resolves.toBe('value');
  });

  it('charter H9: refuses instead of queueing unless it is told to queue', () => {
    expect(bulkhead().snapshot()).toMatchObject({ maxConcurrent: 10, maxQueued: 0 });
    expect(bulkheadDefaults.maxQueued).toBe(0);
    expect(isRejection(new BulkheadFullError('reports', 'queue-full', { maxConcurrent: 1, maxQueued: 0 }))).toBe(true);
  });

  it('lets maxQueued calls wait, and refuses the next', async () => {
    const policy = bulkhead({ maxConcurrent: 1, maxQueued: 2 });
    const [running] = occupy(policy, 1);
    const waiting = [observe(policy.execute(() => 'first')), observe(policy.execute(() => 'second'))];
    const refused = await settled(policy.execute(() => 'third'));

    expect(refused).toMatchObject({ error: { code: 'BULKHEAD_FULL' } });
    expect(policy.snapshot()).toMatchObject({ running: 1, queued: 2, rejected: 1 });

    await running?.end();
    expect(waiting.map((call) => call())).toEqual([
      { status: 'fulfilled', value: 'first' },
      { status: 'fulfilled', value: 'second' },
    ]);
    expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
  });

  it('starts waiting calls in the order in which they came', async () => {
    const policy = bulkhead({ maxConcurrent: 1, maxQueued: 5 });
    const [running] = occupy(policy, 1);
    const started: number[] = [];
    for (let index = 0; index < 5; index++) void observe(policy.execute(async () => started.push(index)));

    await running?.end();

    expect(started).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets no new call pass one that waits, not even one that arrives while permits are handed on', async () => {
    const policy = bulkhead({ maxConcurrent: 1, maxQueued: 5 });
    const [running] = occupy(policy, 1);
    const started: string[] = [];
    const arriving = fallback({ substitute: () => policy.execute(() => started.push('arrived late')) });
    const failing = (): never => {
      started.push('waited first');
      throw new Error('boom');
    };
    void observe(pipeline(arriving, policy).execute(failing));
    void observe(policy.execute(() => started.push('waited second')));

    await running?.end();

    expect(started).toEqual(['waited first', 'waited second', 'arrived late']);
  });

  it('drains a long queue of synchronous calls without growing the stack', async () => {
    const policy = bulkhead({ maxConcurrent: 1, maxQueued: 100_000 });
    const [running] = occupy(policy, 1);
    let runs = 0;
    for (let index = 0; index < 100_000; index++) void observe(policy.execute(() => runs++));

    await running?.end();

    expect(runs).toBe(100_000);
    expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
  });

  it('refuses a nested call of its own when it is full, instead of waiting for ever', async () => {
    const policy = bulkhead(1);

    await expect(policy.execute(() => policy.execute(() => 'inner'))).rejects.toMatchObject({ code: 'BULKHEAD_FULL' });
    expect(policy.snapshot().running).toBe(0);
  });

  it('tells its listeners of a refusal', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const policy = bulkhead({ name: 'reports', maxConcurrent: 1, events });
    occupy(policy, 1);

    await settled(policy.execute(never));

    expect(recorder.events).toEqual([
      {
        type: 'bulkhead.rejected',
        policy: 'bulkhead',
        name: 'reports',
        reason: 'queue-full',
        enforcement: 'enforce',
      },
    ]);
  });

  describe('options', () => {
    const table = optionTable('bulkhead', {
      name: { kind: 'name' },
      maxConcurrent: { kind: 'integer', min: 1, max: 1_000_000 },
      maxQueued: { kind: 'integer', min: 0, max: 1_000_000 },
      maxWaitMs: { kind: 'number', min: 1, max: Infinity },
      minRunMs: { kind: 'number', min: 0, max: 3_600_000 },
      standingAfterMs: { kind: 'number', min: 1, max: 3_600_000 },
      priorityOf: { kind: 'function' },
    });

    it.each(table)('$title', ({ options, expected }) => {
      expect(verdictOn(bulkhead, options)).toBe(expected);
    });

    it('may be maxConcurrent alone, in the same range', () => {
      expect(bulkhead(7).snapshot().maxConcurrent).toBe(7);
      expect(verdictOn(bulkhead, 0)).toContain('bulkhead.maxConcurrent must be an integer from 1 to 1000000, got 0');
    });

    it('are refused with the known ones where one is unknown', () => {
      expect(verdictOn(bulkhead, { limit: 3 })).toContain('TypeError: bulkhead has no option "limit"; it knows ');
    });
  });

  describe('charter C4: hands on what an operation comes to, and takes the permit back, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      const policy = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
      const calls = [settled(policy.execute(operation)), settled(policy.execute(operation))];

      expect(await Promise.all(calls)).toEqual([expected, expected]);
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0, rejected: 0 });
    });
  });

  it('charter C3: is the same with listeners that throw', async () => {
    const events = createEvents();
    const cause = new Error('bad listener');
    events.listen(() => {
      throw cause;
    });
    const policy = bulkhead({ maxConcurrent: 1, events });
    const [running] = occupy(policy, 1);

    expect(await settled(policy.execute(never))).toMatchObject({ error: { code: 'BULKHEAD_FULL' } });
    await running?.end();
    expect(policy.snapshot()).toMatchObject({ running: 0, rejected: 1 });
    expect(hookErrors).toMatchObject([{ hook: 'listener', cause }]);
  });

  describe('charter G5: when the caller aborts', () => {
    const reason = { why: 'the user left' };

    it('before the call, takes no permit', async () => {
      const policy = bulkhead(1);
      const call = await settled(policy.execute(never, Context.from(AbortSignal.abort(reason))));

      expect(call).toEqual({ status: 'rejected', error: reason });
      expect(policy.snapshot().running).toBe(0);
    });

    it('while it waits, rejects at once, leaves the queue, and runs nothing', async () => {
      const policy = bulkhead({ maxConcurrent: 1, maxQueued: 2 });
      const [running] = occupy(policy, 1);
      const context = Context.background.withCancel();
      let runs = 0;
      const waiting = observe(policy.execute(() => runs++, context));
      const next = observe(policy.execute(() => 'next'));

      context.cancel(reason);
      await Promise.resolve();
      await Promise.resolve();

      expect(waiting()).toEqual({ status: 'rejected', error: reason });
      expect(policy.snapshot()).toMatchObject({ running: 1, queued: 1 });

      await running?.end();
      expect(next()).toEqual({ status: 'fulfilled', value: 'next' });
      expect(runs).toBe(0);
    });

    it('while it runs, rejects at once and gives the permit to the next in line', async () => {
      const policy = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
      const context = Context.background.withCancel();
      const running = observe(policy.execute(never, context));
      const next = observe(policy.execute(() => 'next'));

      context.cancel(reason);
      await settle();

      expect(running()).toEqual({ status: 'rejected', error: reason });
      expect(next()).toEqual({ status: 'fulfilled', value: 'next' });
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
    });

    it('with many in the queue under one context, empties the queue and runs none of them', async () => {
      const policy = bulkhead({ maxConcurrent: 2, maxQueued: 10 });
      const context = Context.background.withCancel();
      let runs = 0;
      const start = (): unknown => observe(policy.execute(() => (runs++, never()), context));
      for (let index = 0; index < 12; index++) start();

      context.cancel(reason);
      await settle();

      expect(runs).toBe(2);
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
    });

    it('after the call, changes nothing', async () => {
      const policy = bulkhead(1);
      const context = Context.background.withCancel();
      const call = observe(policy.execute(() => 'value', context));

      await settle();
      context.cancel(reason);
      await settle();

      expect(call()).toEqual({ status: 'fulfilled', value: 'value' });
      expect(policy.snapshot().running).toBe(0);
    });
  });

  it('charter H9: counts the wait against the deadline of the caller', async () => {
    const clock = virtualClock();
    const policy = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
    void observe(policy.execute(() => after(clock, 100, 'slow')));
    const context = Context.withClock(clock).withTimeout(99);
    let runs = 0;
    const waiting = observe(policy.execute(() => runs++, context));

    await clock.advance(98);
    expect(waiting().status).toBe('pending');
    await clock.advance(1);
    expect(waiting()).toEqual({ status: 'rejected', error: context.cause });
    await clock.advance(1);
    expect(runs).toBe(0);
    expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
    expect(clock.referencedCount).toBe(0);
  });

  it('charter A3: leaves no listener on a long-lived signal after 10,000 calls, queued, refused and run', async () => {
    const controller = new AbortController();
    const shared = Context.from(controller.signal);
    const policy = bulkhead({ maxConcurrent: 2, maxQueued: 2 });

    for (let round = 0; round < 2000; round++) {
      const calls = Array.from({ length: 5 }, (_, index) => {
        const context = index % 2 === 0 ? shared : Context.from(controller.signal);
        return settled(policy.execute(() => Promise.resolve(index), context));
      });
      await Promise.all(calls);
    }

    expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0, rejected: 2000 });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});
