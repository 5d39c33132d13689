import { beforeEach, describe, expect, it } from 'vitest';

import { CancelledError, DeadlineExceededError } from '../../kernel/cancellation.ts';
import { UNREAD } from '../../kernel/clock.ts';
import { Context, contextKey } from '../../kernel/context.ts';
import { RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Sink } from '../../kernel/handler.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { byHand, counter, never, observe, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { type Cache, type CacheOptions, cache } from './cache.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}
const topic = contextKey<string>('topic');
const tea = Context.background.withValue(topic, 'tea');
const milk = Context.background.withValue(topic, 'milk');
const boom = new Error('boom');
const judge = { fulfilled: 'success', rejected: 'failure' } as const;
const fail = (): Promise<never> => Promise.reject(boom);
function make(clock: VirtualClock, options: Partial<CacheOptions> = {}): Cache {
  return cache({ keyOf: (context) => context.value(topic), ttlMs: 100, expiryJitterRatio: 0, clock, ...options });
}
describe('the stale values of cache', () => {
  let clock: VirtualClock;

  beforeEach(() => void (clock = virtualClock()));

  describe('while it revalidates', () => {
    it('(1) gives the stale value at once, for staleWhileRevalidateMs, and refreshes it once', async () => {
      const policy = make(clock, { staleWhileRevalidateMs: 50 });
      const next = byHand();
      await policy.execute(() => 'old', tea);

      await clock.advance(149);
      expect(await Promise.all([policy.execute(next.run, tea), policy.execute(next.run, tea)])).toEqual(['old', 'old']);
      expect(next.contexts).toHaveLength(1);
      next.resolve('new');
      await settle();

      expect(await policy.execute(never, tea)).toBe('new');
      expect(policy.snapshot()).toMatchObject({ staleHits: 2, hits: 1, misses: 1, refreshes: 1, refreshFailures: 0 });
    });

    it('(1) waits for a new value from then on', async () => {
      const policy = make(clock, { staleWhileRevalidateMs: 50 });
      await policy.execute(() => 'old', tea);

      await clock.advance(150);

      expect(await policy.execute(() => 'new', tea)).toBe('new');
      expect(policy.snapshot()).toMatchObject({ staleHits: 0, misses: 2, refreshes: 0 });
    });

    it('keeps the stale value where a refresh fails, and tells the listeners', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make(clock, { staleWhileRevalidateMs: 50, events });
      await policy.execute(() => 'old', tea);
      await clock.advance(120);

      expect(await policy.execute(fail, tea)).toBe('old');
      await settle();
      expect(await policy.execute(() => 'new', tea)).toBe('old');
      await settle();

      expect(policy.snapshot()).toMatchObject({ refreshes: 2, refreshFailures: 1, inFlight: 0 });
      const base = { policy: 'cache', name: 'cache', key: 'tea' };
      const served = { ...base, type: 'cache.served', enforcement: 'enforce', source: 'stale', reason: 'revalidating' };
      expect(recorder.events).toEqual([
        { ...base, type: 'cache.missed', enforcement: 'enforce' },
        { ...served, ageMs: 120 },
        { ...base, type: 'cache.refresh-failed', error: boom },
        { ...served, ageMs: 120 },
        { ...base, type: 'cache.refreshed' },
      ]);
    });

    it('(6) goes on when the caller that started it has gone, and when its deadline passes', async () => {
      const policy = make(clock, { staleWhileRevalidateMs: 50 });
      const next = byHand();
      await policy.execute(() => 'old', tea);
      await clock.advance(120);
      const caller = Context.withClock(clock).withTimeout(5).withValue(topic, 'tea');

      expect(await policy.execute(next.run, caller)).toBe('old');
      await clock.advance(10);
      expect(next.contexts[0]?.cancelled).toBe(false);
      expect(next.contexts[0]?.value(topic)).toBe('tea');
      next.resolve('new');
      await settle();

      expect(policy.peek('tea')).toEqual({ value: 'new', isFresh: true, ageMs: 0 });
    });

    it('(6) ends when those have left who came to wait for it once the value was too old to give', async () => {
      const policy = make(clock, { staleWhileRevalidateMs: 50 });
      const next = byHand();
      await policy.execute(() => 'old', tea);
      await clock.advance(120);
      await policy.execute(next.run, tea);
      await clock.advance(50);
      const caller = tea.withCancel();
      const call = observe(policy.execute(next.run, caller));

      caller.cancel('enough');
      await settle();

      expect(call()).toEqual({ status: 'rejected', error: 'enough' });
      expect(next.contexts.map(({ cause }) => cause)).toEqual(['enough']);
      expect(policy.snapshot()).toMatchObject({ inFlight: 0, shared: 1 });
    });
  });

  describe('when the operation fails', () => {
    it.each([
      ['fails', fail, 'error', boom],
      ['is too slow', () => Promise.reject(new DeadlineExceededError()), 'timeout', new DeadlineExceededError()],
      ['is refused', () => Promise.reject(new Refused('no')), 'rejection', new Refused('no')],
    ])('(1) and %s, gives the stale value for staleIfErrorMs', async (_how, operation, reason, error) => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make(clock, { staleIfErrorMs: 900, events });
      await policy.execute(() => 'old', tea);

      await clock.advance(999);
      expect(await policy.execute(operation, tea)).toBe('old');
      expect(recorder.events.at(-1)).toMatchObject({ type: 'cache.served', source: 'stale', reason, ageMs: 999 });
      await clock.advance(1);
      expect(await settled(policy.execute(operation, tea))).toEqual({ status: 'rejected', error });
      expect(policy.snapshot()).toMatchObject({ staleHits: 1, misses: 3 });
    });

    it('answers for an open breaker inside', async () => {
      const breaker = circuitBreaker({ clock, minimumCalls: 2, failureRatio: 0.5 });
      const policy = pipeline(make(clock, { staleIfErrorMs: 900 }), breaker);
      await policy.execute(() => 'old', tea);
      for (let round = 0; round < 3; round++) await settled(breaker.execute(fail));
      await clock.advance(500);

      expect(await policy.execute(() => 'unreachable', tea)).toBe('old');
      await expect(policy.execute(() => 'unreachable', milk)).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
    });

    it('answers each that shared the run, by its own context', async () => {
      const policy = make(clock, { staleIfErrorMs: 900 });
      const next = byHand();
      await policy.execute(() => 'old', tea);
      await clock.advance(500);
      const leaving = tea.withCancel();
      const calls = [tea, leaving, tea].map((context) => observe(policy.execute(next.run, context)));

      leaving.cancel('enough');
      next.reject(boom);
      await settle();

      expect(calls.map((call) => call())).toEqual([
        { status: 'fulfilled', value: 'old' },
        { status: 'rejected', error: 'enough' },
        { status: 'fulfilled', value: 'old' },
      ]);
      expect(next.contexts).toHaveLength(1);
    });

    it('charter F1: leaves an error that is no failure to the caller, and keeps no value that is one', async () => {
      const notFound = new Error('404');
      const policy = make(clock, {
        staleIfErrorMs: 900,
        classify: (outcome) => {
          if (outcome.status === 'rejected') return outcome.error === notFound ? 'ignored' : 'failure';
          if (outcome.value === 'meanwhile') return 'ignored';
          return outcome.value === 503 ? 'failure' : 'success';
        },
      });

      expect(await policy.execute(() => 503, tea)).toBe(503);
      expect(await policy.execute(() => 'meanwhile', tea)).toBe('meanwhile');
      expect(policy.peek('tea')).toBeUndefined();
      await policy.execute(() => 'old', tea);
      await clock.advance(500);
      expect(await policy.execute(() => 503, tea)).toBe('old');
      expect(await policy.execute(() => 'meanwhile', tea)).toBe('meanwhile');
      await expect(policy.execute(() => Promise.reject(notFound), tea)).rejects.toBe(notFound);
    });

    it('(8) charter A7: keeps no failure unless told to', async () => {
      const policy = make(clock);
      const count = counter();

      await expect(policy.execute(fail, tea)).rejects.toBe(boom);
      expect(await policy.execute(count, tea)).toBe(1);
    });

    it('(5) gives its cause to one whose context ends while others are answered', async () => {
      const policy = make(clock, { staleIfErrorMs: 900 });
      await policy.execute(() => 'old', tea);
      await clock.advance(500);
      const runs: Sink[] = [];
      const handler = policy.layer((_operation, _context, sink) => runs.push(sink));
      const [one, two] = [tea.withCancel(), tea.withCancel()];
      const told: unknown[] = [];
      const tell = (outcome: unknown): void => {
        told.push(outcome);
        two.cancel('left');
      };

      for (const context of [one, two]) handler(never, context, { resolve: tell, reject: tell, refuse: tell }, UNREAD);
      runs[0]?.reject(boom, UNREAD);

      expect(told).toEqual(['old', 'left']);
    });

    it('(5) leaves a cancellation to the caller, whatever classify says of it', async () => {
      const policy = make(clock, { staleIfErrorMs: 900, failureTtlMs: 900, classify: ({ status }) => judge[status] });
      const cancelled = new CancelledError();
      await policy.execute(() => 'old', tea);
      await clock.advance(500);

      await expect(policy.execute(() => Promise.reject(cancelled), tea)).rejects.toBe(cancelled);
      expect(await policy.execute(() => 'new', tea)).toBe('new');
    });

    it('(8) refuses a call for a kept failure: it was not run', async () => {
      const policy = make(clock, { failureTtlMs: 20 });
      const breaker = circuitBreaker({ clock });
      await settled(policy.execute(fail, tea));

      await expect(pipeline(breaker, policy).execute(() => 1, tea)).rejects.toBe(boom);
      expect(breaker.snapshot()).toMatchObject({ verdicts: { failure: 0, ignored: 1 } });
    });

    it('(8) gives a kept failure for failureTtlMs, by identity, and not to what was refused', async () => {
      const policy = make(clock, { failureTtlMs: 20 });
      const count = counter();

      for (const error of [new Refused('no')]) await settled(policy.execute(() => Promise.reject(error), milk));
      expect(await policy.execute(count, milk)).toBe(1);

      await settled(policy.execute(fail, tea));
      await clock.advance(19.999);
      await expect(policy.execute(count, tea)).rejects.toBe(boom);
      await clock.advance(0.001);
      expect(await policy.execute(count, tea)).toBe(2);
      expect(policy.snapshot()).toMatchObject({ failureHits: 1 });
    });

    it('spares the operation for failureTtlMs where there is a stale value, too', async () => {
      const policy = make(clock, { failureTtlMs: 20, staleIfErrorMs: 900, staleWhileRevalidateMs: 50 });
      const count = counter();
      await policy.execute(() => 'old', tea);

      for (const waitMs of [110, 100]) {
        await clock.advance(waitMs);
        expect(await policy.execute(fail, tea)).toBe('old');
        await settle();
        expect(await policy.execute(count, tea)).toBe('old');
        expect(count.runs).toBe(0);
      }
      await clock.advance(20);
      expect(await policy.execute(count, tea)).toBe(1);
    });
  });
});
