import { Context, contextKey, createEvents, isRejection, onHookError, pipeline, timeout } from '@holdfast/core';
import { recordEvents, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { TakeLink, TakeServer } from '../../../../test/redis/take-model.ts';
import {
  type RedisRateLimiterOptions,
  limiterOver,
  rateLimiterSettings,
  redisRateLimiterDefaults,
} from './redis-rate-limiter.ts';

const place = { namespace: 'test', name: 'quota' };

/** A limiter on virtual time over the model of the script. */
function setUp(options: Partial<RedisRateLimiterOptions> = {}) {
  const clock = virtualClock();
  const events = createEvents();
  const server = new TakeServer(clock);
  const link = new TakeLink(server, clock);
  const all = { ...place, maxPerInterval: 100, clock, events, random: () => 0.5, ...options };
  const policy = limiterOver(link, rateLimiterSettings(all));
  return { clock, events, server, link, policy };
}

/** Calls `count` times at once. Returns what became of the calls so far. */
function callMany(policy: { execute: (run: () => string, context?: Context) => Promise<string> }, count: number) {
  const outcomes: unknown[] = Array.from({ length: count }, () => 'waiting');
  for (let index = 0; index < count; index++) {
    void policy
      .execute(() => 'ran')
      .then(
        (value) => (outcomes[index] = value),
        (error: unknown) => (outcomes[index] = error),
      );
  }
  return outcomes;
}

describe('redisRateLimiter', () => {
  it('lets the first call wait for the first batch, and later ones run at once', async () => {
    const { policy, clock } = setUp();
    const outcomes = callMany(policy, 20);
    await clock.advance(0);
    expect(outcomes.every((outcome) => outcome === 'waiting')).toBe(true);
    await clock.advance(3);
    expect(outcomes.every((outcome) => outcome === 'ran')).toBe(true);

    const later = callMany(policy, 1);
    await clock.advance(0);
    expect(later).toEqual(['ran']);
  });

  it('shared-limiter (1) starts nobody before those who wait', async () => {
    const { policy, clock } = setUp();
    const order: string[] = [];
    void policy.execute(() => order.push('first'));
    await clock.advance(0.5);
    expect(policy.tryAcquire()).toMatchObject({ isGranted: false });
    void policy.execute(() => order.push('second'));
    await clock.advance(5);

    expect(order).toEqual(['first', 'second']);
  });

  it('shared-limiter (2) refuses at once what would wait for longer than maxWaitMs, saying when to come back', async () => {
    const { policy, clock } = setUp({ maxWaitMs: 100 });
    callMany(policy, 100);
    await clock.advance(20);
    const outcomes = callMany(policy, 50);
    await clock.advance(0);

    const refused = outcomes.filter((outcome) => outcome !== 'waiting');
    expect(refused.length).toBeGreaterThan(30);
    expect(refused.at(-1)).toMatchObject({ code: 'RATE_LIMITED', policy: 'quota', maxPerInterval: 100 });
    expect((refused.at(-1) as { retryAfterMs: number }).retryAfterMs).toBeGreaterThanOrEqual(100);
    expect(isRejection(refused.at(-1))).toBe(true);
    await clock.advance(110);
    expect(outcomes).not.toContain('waiting');
  });

  it('shared-limiter (2) refuses at once what would wait beyond its deadline, and lets nobody wait beyond it', async () => {
    const { policy, clock } = setUp();
    callMany(policy, 100);
    await clock.advance(2);
    const soon = policy.execute(() => 'ran', Context.withClock(clock).withTimeout(5)).catch((error: unknown) => error);
    await clock.advance(0);

    await expect(soon).resolves.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('shared-limiter (2) (4) refuses who has waited for maxWaitMs, also where nothing is heard', async () => {
    const { policy, clock, link } = setUp({ maxWaitMs: 100 });
    link.fate = () => 'lost';
    const outcomes = callMany(policy, 3);
    await clock.advance(99);
    expect(outcomes).toEqual(['waiting', 'waiting', 'waiting']);
    await clock.advance(1);

    expect(outcomes).toEqual([1, 2, 3].map(() => expect.objectContaining({ code: 'RATE_LIMITED' })));
    expect(clock.pendingCount).toBe(1); // the request's own
  });

  it('lets a waiting call go at once when it is cancelled', async () => {
    const { policy, clock } = setUp();
    const context = Context.withClock(clock).withCancel();
    const run = vi.fn<() => void>();
    const outcome = policy.execute(run, context).catch((error: unknown) => error);
    context.cancel('enough');

    await expect(outcome).resolves.toBe('enough');
    expect(policy.snapshot()).toMatchObject({ queued: 0, admitted: 0, rejected: 0 });
    await clock.advance(1000);
    expect(run).not.toHaveBeenCalled();
  });

  it('(2) decides by its share while the store does not answer, and tells both ways', async () => {
    const { policy, clock, link, events } = setUp();
    const heard = recordEvents(events);
    callMany(policy, 1);
    await clock.advance(300);
    link.fate = () => 'lost';
    const outcomes = callMany(policy, 5);
    await clock.advance(300);

    expect(outcomes).toEqual(['ran', 'ran', 'ran', 'ran', 'ran']);
    expect(policy.snapshot().mode).toBe('alone');
    link.fate = () => 'answered';
    await clock.advance(500);
    callMany(policy, 1);
    await clock.advance(2);
    expect(policy.snapshot().mode).toBe('shared');
    expect(heard.events).toMatchObject([
      { type: 'rate-limiter.mode-changed', from: 'joining', to: 'shared' },
      { type: 'rate-limiter.mode-changed', from: 'shared', to: 'alone', error: { code: 'STORE_UNAVAILABLE' } },
      { type: 'rate-limiter.mode-changed', from: 'alone', to: 'shared' },
    ]);
  });

  it('(2) refuses while the store does not answer, where that is asked for', async () => {
    const { policy, clock, link } = setUp({ whenUnavailable: 'refuse' });
    link.fate = () => 'lost';
    const first = callMany(policy, 1);
    await clock.advance(300);
    const second = callMany(policy, 1);
    await clock.advance(0);

    expect(first).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
    expect(isRejection(first[0])).toBe(true);
    expect(second).toMatchObject([{ code: 'STORE_UNAVAILABLE', policy: 'quota' }]);
  });

  it('shared-limiter (3) has no timer at rest, and none that keeps the process for what is in hand', async () => {
    const { policy, clock } = setUp();
    expect(clock.pendingCount).toBe(0);
    callMany(policy, 10);
    expect(clock.referencedCount).toBeGreaterThan(0);
    await clock.advance(2);
    expect(clock.referencedCount).toBe(0);
    await clock.advance(1000);

    expect(clock.pendingCount).toBe(0);
    expect(policy.snapshot()).toMatchObject({ available: 0, queued: 0 });
  });

  it('shared-limiter (4) starts those who wait when nothing is enforced any more', async () => {
    const { policy, clock, link } = setUp();
    link.fate = () => 'lost';
    const outcomes = callMany(policy, 3);
    policy.update({ enforcement: 'off' });
    await clock.advance(0);

    expect(outcomes).toEqual(['ran', 'ran', 'ran']);
  });

  it('(3) lets all run under observe and off, and counts those it would have refused', async () => {
    const { policy, clock } = setUp({ maxPerInterval: 1, maxWaitMs: 10, enforcement: 'observe' });
    for (let call = 0; call < 5; call++) {
      expect(callMany(policy, 1)).toHaveLength(1);
      await clock.advance(5);
    }
    expect(policy.snapshot()).toMatchObject({ rejected: 0, queued: 0 });
    expect(policy.snapshot().observed).toBeGreaterThanOrEqual(3);
    policy.update({ enforcement: 'off' });
    const off = callMany(policy, 2);
    await clock.advance(0);
    expect(off).toEqual(['ran', 'ran']);
    expect(policy.tryAcquire()).toEqual({ isGranted: true, retryAfterMs: 0 });
  });

  it('counts what a call costs, and reports a cost that cannot be', async () => {
    const cost = contextKey<number>('cost');
    const reported = vi.fn<() => void>();
    const before = onHookError(reported);
    const { policy, clock, server } = setUp({ costOf: (context) => context.value(cost) ?? 0, maxLeaseRatio: 0.01 });
    const context = Context.withClock(clock);
    await Promise.all([clock.advance(50), policy.execute(() => 1, context.withValue(cost, 60))]);
    expect([...server.granted.values()]).toEqual([60 + policy.snapshot().available]);
    await Promise.all([clock.advance(50), policy.execute(() => 1, context)]);
    onHookError(before);

    expect(reported).toHaveBeenCalledOnce();
  });

  it('follows an update, and plans one', async () => {
    const { policy } = setUp();
    const plan = policy.planUpdate({ maxPerInterval: 7 });
    policy.update({ maxWaitMs: 5 });
    plan();

    expect(policy.snapshot()).toMatchObject({ maxPerInterval: 7, maxWaitMs: 5, maxBurst: 7 });
    expect(() => policy.update({ maxPerInterval: 0 })).toThrow(
      'redisRateLimiter.maxPerInterval must be an integer from 1',
    );
    expect(() => policy.update({ leaseMs: 5 } as object)).toThrow('redisRateLimiter.update has no option "leaseMs"');
    expect(policy.describe()).toMatchObject({
      kind: 'rate-limiter',
      options: { maxPerInterval: 7, namespace: 'test' },
    });
    await policy.close();
  });

  it('is not held up by a server whose clock has stepped back by a day', async () => {
    const { policy, clock, server } = setUp({ maxWaitMs: 2000 });
    callMany(policy, 150);
    await clock.advance(100);
    server.offsetUs -= 86_400_000_000;
    await clock.advance(2000);
    const outcomes = callMany(policy, 100);
    await clock.advance(1100);

    expect(outcomes.filter((outcome) => outcome === 'ran').length).toBeGreaterThan(95);
  });

  it('gives back what it has on close, and goes on without a store', async () => {
    const { policy, clock, server, link } = setUp();
    callMany(policy, 10);
    await clock.advance(2);
    const inHand = policy.snapshot().available;
    const closing = policy.close();
    await clock.advance(1);
    await closing;

    expect(server.returned).toBe(inHand);
    expect(link.isClosed).toBe(true);
    const outcomes = callMany(policy, 2);
    await clock.advance(300);
    expect(outcomes).toEqual(['ran', 'ran']);
    await clock.advance(1000);
    expect(clock.pendingCount).toBe(0);
  });

  it.each([
    ['with tokens in hand', 10],
    ['before the first answer', 0],
  ])('shared-limiter (5) tells no change of mode for a close %s, nor after it', async (_when, calls) => {
    const { policy, clock, events } = setUp();
    callMany(policy, calls);
    await clock.advance(2);
    const recorder = recordEvents(events);
    const waiting = callMany(policy, 100);
    const closing = policy.close();
    await clock.advance(1);
    await closing;
    callMany(policy, 2);
    await clock.advance(2000);

    expect(recorder.types).not.toContain('rate-limiter.mode-changed');
    expect(policy.snapshot().mode).toBe('alone');
    expect(waiting).not.toContain('waiting');
  });

  it('starts those who wait also where the place for events throws', async () => {
    const reported = vi.fn<() => void>();
    const before = onHookError(reported);
    const broken = () => {
      throw new Error('no room for events');
    };
    const { policy, clock } = setUp({ events: { active: true, listen: () => () => {}, emit: broken } });
    const outcomes = callMany(policy, 3);
    await clock.advance(3);
    onHookError(before);

    expect(outcomes).toEqual(['ran', 'ran', 'ran']);
    expect(reported).toHaveBeenCalled();
  });

  it('composes with other policies', async () => {
    const { policy, clock } = setUp();
    const fused = pipeline(timeout({ timeoutMs: 100, clock }), policy);
    const outcome = fused.execute(() => 7);
    await clock.advance(5);

    await expect(outcome).resolves.toBe(7);
  });

  it.each([
    ['namespace', '', 'redisRateLimiter.namespace must be 1 to 64 letters'],
    ['namespace', 'a{b', 'redisRateLimiter.namespace must be 1 to 64 letters'],
    ['prefix', 'a b', 'redisRateLimiter.prefix must be 1 to 32 letters'],
    ['name', '', 'redisRateLimiter.name must be a non-empty string'],
    ['name', 'x'.repeat(129), 'redisRateLimiter.name must be a string of 1 to 128 characters'],
    ['maxPerInterval', 0, 'redisRateLimiter.maxPerInterval must be an integer from 1 to 1000000, got 0'],
    ['maxBurst', 0, 'redisRateLimiter.maxBurst must be an integer from 1'],
    ['intervalMs', 0, 'redisRateLimiter.intervalMs must be a number from 1'],
    ['maxQueued', -1, 'redisRateLimiter.maxQueued must be an integer from 0'],
    ['maxWaitMs', -1, 'redisRateLimiter.maxWaitMs must be a number from 0'],
    ['leaseMs', 19, 'redisRateLimiter.leaseMs must be a number from 20 to 60000, got 19'],
    ['maxLeaseRatio', 0, 'redisRateLimiter.maxLeaseRatio must be'],
    ['whenUnavailable', 'run', 'redisRateLimiter.whenUnavailable must be one of "local", "refuse", got "run"'],
    ['expectedNodeCount', 0, 'redisRateLimiter.expectedNodeCount must be an integer from 1'],
    ['commandTimeoutMs', 9, 'redisRateLimiter.commandTimeoutMs must be a number from 10'],
    ['costOf', 3, 'redisRateLimiter.costOf must be a function'],
    ['burst', 3, 'redisRateLimiter has no option "burst"'],
  ])('refuses %s %s', (option, value, message) => {
    expect(() => rateLimiterSettings({ ...place, maxPerInterval: 5, [option]: value })).toThrow(message);
  });

  it('has the defaults that it says', () => {
    expect(rateLimiterSettings({ ...place, maxPerInterval: 5 })).toMatchObject({
      ...redisRateLimiterDefaults,
      limits: { maxBurst: 5, emissionMs: 200 },
    });
  });
});
