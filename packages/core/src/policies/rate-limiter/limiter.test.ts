import { AsyncLocalStorage } from 'node:async_hooks';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { UNREAD } from '../../kernel/clock.ts';
import { Context, contextKey } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, settled } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { rateLimiter, rateLimiterKind } from './rate-limiter.ts';

/** One call each 10 ms, one at once. */
const spaced = { maxPerInterval: 100, maxBurst: 1 };

const costKey = contextKey<number>('cost');
const costing = (cost: number, context = Context.background): Context => context.withValue(costKey, cost);
const costOf = (context: Context): number => context.value(costKey) ?? 1;

describe('the limiter of a rate limiter', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  describe('charter T3: tryAcquire', () => {
    it('grants what may start now, and says when the rest may, exactly', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ maxPerInterval: 10, maxBurst: 5, clock });

      expect(policy.tryAcquire(3)).toEqual({ isGranted: true, retryAfterMs: 0 });
      expect(policy.tryAcquire(3)).toEqual({ isGranted: false, retryAfterMs: 100 });
      expect(policy.tryAcquire()).toEqual({ isGranted: true, retryAfterMs: 0 });
      expect(policy.tryAcquire(3)).toEqual({ isGranted: false, retryAfterMs: 200 });
      await clock.advance(199.9);
      expect(policy.tryAcquire(3).isGranted).toBe(false);
      await clock.advance(0.1);
      expect(policy.tryAcquire(3).isGranted).toBe(true);
      expect(policy.snapshot()).toMatchObject({ admitted: 3, rejected: 3, available: 0 });
    });

    it('passes nobody who waits, and lets nobody pass', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ ...spaced, maxQueued: 1, clock });
      expect(policy.tryAcquire().isGranted).toBe(true);
      const waiting = observe(policy.execute(() => clock.now()));

      expect(policy.tryAcquire()).toEqual({ isGranted: false, retryAfterMs: 20 });
      await clock.advance(10);

      expect(waiting()).toEqual({ status: 'fulfilled', value: 10 });
      expect(policy.tryAcquire()).toEqual({ isGranted: false, retryAfterMs: 10 });
    });

    it('is counted and told like a call', () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = rateLimiter({ ...spaced, clock: virtualClock(), events });
      policy.tryAcquire();
      policy.tryAcquire();

      expect(recorder.events).toMatchObject([{ enforcement: 'enforce', retryAfterMs: 10 }]);
      policy.update({ enforcement: 'observe' });
      expect(policy.tryAcquire().isGranted).toBe(true);
      expect(policy.snapshot()).toMatchObject({ admitted: 2, rejected: 1, observed: 1 });
      policy.update({ enforcement: 'off' });
      expect(policy.tryAcquire(1000).isGranted).toBe(true);
      expect(policy.snapshot()).toMatchObject({ admitted: 2, rejected: 1, observed: 1 });
    });

    it('of more than a whole burst needs one, and is worked off in full', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ maxPerInterval: 10, maxBurst: 5, clock });
      policy.tryAcquire(1);

      expect(policy.tryAcquire(20)).toEqual({ isGranted: false, retryAfterMs: 100 });
      await clock.advance(100);
      expect(policy.tryAcquire(20).isGranted).toBe(true);
      expect(policy.tryAcquire()).toEqual({ isGranted: false, retryAfterMs: 1600 });
      expect(policy.snapshot().backlogMs).toBe(2000);
    });

    it.each([0, -1, 1.5, 1_000_001, Number.NaN, '3'])('refuses %s', (count) => {
      const policy = rateLimiter({ ...spaced, clock: virtualClock() });

      expect(verdictOn((given) => policy.tryAcquire(given), count)).toContain('must be an integer from 1 to 1000000');
      expect(policy.snapshot()).toMatchObject({ admitted: 0, available: 1 });
    });
  });

  describe('costOf', () => {
    it('makes a call use up as much as it costs, and wait until that is there', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ maxPerInterval: 10, maxBurst: 5, maxQueued: 5, costOf, clock });
      const startedAt: Record<string, number> = {};
      const start = (id: string, cost: number) =>
        observe(policy.execute(() => (startedAt[id] = clock.now()), costing(cost)));
      start('a', 4);
      start('b', 3);
      start('c', 1);
      start('d', 8);

      expect(policy.snapshot()).toMatchObject({ queued: 3, available: 0 });
      await clock.runAll();

      expect(startedAt).toEqual({ a: 0, b: 200, c: 300, d: 800 });
      expect(policy.snapshot()).toMatchObject({ admitted: 4, backlogMs: 800 });
    });

    it('counts the cost of those ahead towards the wait: one that would reach the deadline is not begun', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ maxPerInterval: 10, maxBurst: 1, maxQueued: 5, costOf, clock });
      observe(policy.execute(never));
      observe(policy.execute(never, costing(7)));
      const within = (ms: number) => Context.withClock(clock).withTimeout(ms);

      expect(await settled(policy.execute(never, within(800)))).toMatchObject({ error: { retryAfterMs: 800 } });
      observe(policy.execute(never, within(801)));
      expect(policy.snapshot().queued).toBe(2);
    });

    it('wakes earlier for the next when a dear call leaves', async () => {
      const clock = virtualClock();
      const policy = rateLimiter({ maxPerInterval: 10, maxBurst: 5, maxQueued: 5, costOf, clock });
      const dear = Context.withClock(clock).withCancel();
      policy.tryAcquire(5);
      observe(policy.execute(never, costing(5, dear)));
      const cheap = observe(policy.execute(() => clock.now()));

      await clock.advance(50);
      dear.cancel();
      await clock.advance(50);

      expect(cheap()).toEqual({ status: 'fulfilled', value: 100 });
      expect(clock.pendingCount).toBe(0);
    });

    it.each([
      ['throws', () => raise(new Error('boom'))],
      ['answers with 0', () => 0],
      ['is async', () => Promise.reject(new Error('boom')) as unknown as number],
    ])('charter C5: counts as 1, and is reported, where it %s', async (_title, broken) => {
      const policy = rateLimiter({ name: 'maps', maxPerInterval: 10, costOf: broken, clock: virtualClock() });

      await expect(policy.execute(() => 'ran')).resolves.toBe('ran');

      expect(policy.snapshot().available).toBe(9);
      expect(hookErrors).toMatchObject([{ hook: 'costOf', policy: 'maps' }]);
    });

    it('is observed like calls that cost 1 one after the other', async () => {
      const policy = rateLimiter({ maxPerInterval: 10, costOf, enforcement: 'observe', clock: virtualClock() });

      for (const cost of [6, 5, 4]) await policy.execute(() => cost, costing(cost)); // oxlint-disable-line no-await-in-loop -- in order

      expect(policy.snapshot()).toMatchObject({ observed: 1, admitted: 3 });
    });
  });

  it('charter R3: runs a call that waited, and what its refusal leads to, in the async context of its own', async () => {
    const storage = new AsyncLocalStorage<string>();
    const clock = virtualClock();
    const captureAsyncContext = (): (<R>(fn: () => R) => R) => AsyncLocalStorage.snapshot();
    const policy = rateLimiter({ ...spaced, maxQueued: 5, captureAsyncContext, clock });
    const seen: string[] = [];
    const note = (): void => void seen.push(`refused ${storage.getStore()}`);
    const nothing = (): void => {};
    const handler = policy.layer(nothing);
    const context = Context.background.withCancel();
    policy.tryAcquire();
    storage.run('a', () => observe(policy.execute(() => seen.push(`ran ${storage.getStore()}`))));
    storage.run('b', () => observe(policy.execute(() => seen.push(`ran ${storage.getStore()}`))));
    storage.run('c', () => handler(never, context, { resolve: nothing, reject: nothing, refuse: note }, UNREAD));

    storage.run('somebody else', () => policy.update({ maxPerInterval: 200 }));
    storage.run('somebody else', () => context.cancel(new Error('enough')));
    await clock.runAll();

    expect(seen.toSorted()).toEqual(['ran a', 'ran b', 'refused c']);
  });

  it('plans an update that changes nothing until it is made', async () => {
    const policy = rateLimiter({ ...spaced, clock: virtualClock() });
    policy.tryAcquire();
    const before = policy.snapshot();
    const make = policy.planUpdate({ maxBurst: 3 });

    expect(policy.snapshot()).toEqual(before);
    expect(verdictOn((given) => policy.planUpdate(given), { maxBurst: 0 })).toContain('rateLimiter.maxBurst must be');
    make();
    expect(policy.snapshot()).toMatchObject({ maxBurst: 3, available: 2 });
  });

  it('is described as it is now', () => {
    const policy = rateLimiter({ name: 'maps', maxPerInterval: 50 });
    const options = { maxPerInterval: 50, intervalMs: 1000, maxBurst: 50, maxQueued: 0 };
    const common = { kind: 'rate-limiter', name: 'maps', enforcement: 'enforce' };
    expect(policy.describe()).toEqual({ ...common, options, traits: { maxWaitMs: 0, isShared: true } });

    policy.update({ maxQueued: 5 });
    expect(policy.describe().traits.maxWaitMs).toBe(100);
    policy.update({ costOf });
    expect(policy.describe()).toMatchObject({ options: { costOf: '[function]' }, traits: { maxWaitMs: Infinity } });
    policy.update({ enforcement: 'off' });
    expect(policy.describe()).toMatchObject({ enforcement: 'off', traits: { maxWaitMs: 0 } });
  });

  it('can be made by configuration', () => {
    const made = rateLimiterKind.create({ name: 'maps', maxPerInterval: 5 } as never);

    expect([made.kind, made.name]).toEqual([rateLimiterKind.kind, 'maps']);
    expect(rateLimiterKind.required).toEqual(['maxPerInterval']);
    for (const option of Object.keys(rateLimiterKind.defaults ?? {}))
      expect([option, option in rateLimiterKind.rules]).toEqual([option, option !== 'clock']);
  });
});

function raise(error: Error): never {
  throw error;
}
