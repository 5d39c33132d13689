import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CancelledError } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { type HookError, RejectionError, isRejection } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type CircuitBreaker, type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts';

const boom = new Error('boom');
const fails = (): never => {
  throw boom;
};
const succeed = (breaker: CircuitBreaker): Promise<unknown> => settled(breaker.execute(() => 'value'));
const fail = (breaker: CircuitBreaker): Promise<unknown> => settled(breaker.execute(fails));

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

describe('circuitBreaker', () => {
  let clock: VirtualClock;
  let hookErrors: HookError[];

  beforeEach(() => {
    clock = virtualClock();
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const make = (options: CircuitBreakerOptions = {}): CircuitBreaker =>
    circuitBreaker({ clock, minimumCalls: 2, openForMs: 1000, ...options });
  const open = async (breaker: CircuitBreaker): Promise<void> => {
    await fail(breaker);
    await fail(breaker);
    expect(breaker.state).toBe('open');
  };

  it('charter E1: stays closed after the first failures of a cold start', async () => {
    const breaker = circuitBreaker({ clock });
    for (let call = 0; call < 19; call++) await fail(breaker);

    expect(breaker.state).toBe('closed');
    await fail(breaker);
    expect(breaker.state).toBe('open');
  });

  it('refuses without running when it is open, and says when to come back', async () => {
    const breaker = make({ name: 'prices' });
    await open(breaker);
    await clock.advance(300);
    let runs = 0;
    const call = await settled(breaker.execute(() => runs++));

    expect(call).toMatchObject({
      error: { name: 'CircuitOpenError', code: 'CIRCUIT_OPEN', policy: 'prices', reason: 'open', retryAfterMs: 700 },
    });
    expect(isRejection((call as { error: unknown }).error)).toBe(true);
    expect(runs).toBe(0);
    expect(breaker.snapshot().rejections).toMatchObject({ open: 1, 'half-open-full': 0 });
  });

  it('lets probes through at openForMs, neither before nor after', async () => {
    const breaker = make();
    await open(breaker);

    await clock.advance(999);
    expect(await succeed(breaker)).toMatchObject({ error: { retryAfterMs: 1 } });
    await clock.advance(1);
    expect(await succeed(breaker)).toEqual({ status: 'fulfilled', value: 'value' });
  });

  it('charter D9: reads as half-open once its time is over, though no call has come', async () => {
    const breaker = make();
    await open(breaker);
    await clock.advance(1000);

    expect(breaker.state).toBe('half-open');
    expect(breaker.snapshot()).toMatchObject({ state: 'half-open', remainingOpenMs: 0 });
  });

  it('closes when enough probes have succeeded, with an empty window', async () => {
    const breaker = make();
    await open(breaker);
    await clock.advance(1000);

    await succeed(breaker);
    expect(breaker.state).toBe('half-open');
    await succeed(breaker);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, failures: 0 });
  });

  it('opens again when too few probes can succeed, for the whole time', async () => {
    const breaker = make();
    await open(breaker);
    await clock.advance(1500);

    await fail(breaker);
    await fail(breaker);
    expect(breaker.snapshot()).toMatchObject({ state: 'open', remainingOpenMs: 1000 });
  });

  it('counts calls by verdict, and transitions', async () => {
    const breaker = make();
    await succeed(breaker);
    await settled(breaker.execute(() => Promise.reject(new CancelledError())));
    await fail(breaker);
    await clock.advance(1000);
    await succeed(breaker);

    expect(breaker.snapshot()).toMatchObject({
      verdicts: { success: 2, failure: 1, ignored: 1 },
      transitions: { 'closed->open': 1, 'open->half-open': 1 },
    });
  });

  it('opens on the share of failures in a window of time, and forgets what has left it', async () => {
    const breaker = make({ window: { kind: 'time', durationMs: 1000, bucketCount: 10 } });
    await fail(breaker);
    await clock.advance(1000);
    await fail(breaker);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 1 });

    await clock.advance(899);
    await fail(breaker);
    expect(breaker.state).toBe('open');
  });

  it('reset closes it, and calls in flight do not count any more', async () => {
    const breaker = make();
    const finish: (() => void)[] = [];
    const calls = [1, 2].map(() =>
      settled(breaker.execute(() => new Promise((_resolve, reject) => finish.push(() => reject(boom))))),
    );
    await open(breaker);

    breaker.reset();
    for (const end of finish) end();
    await Promise.all(calls);

    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, failures: 0 });
  });

  describe('charter D7: calls of an earlier state', () => {
    it('open it once, however many fail together', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const breaker = make({ minimumCalls: 5, events });
      let failAll: () => void = () => {};
      const gate = new Promise<never>((_resolve, reject) => (failAll = () => reject(boom)));
      const calls = Array.from({ length: 6 }, () => settled(breaker.execute(() => gate)));

      failAll();
      await Promise.all(calls);

      expect(recorder.types).toEqual(['circuit-breaker.transitioned']);
      expect(breaker.snapshot()).toMatchObject({ verdicts: { failure: 6 }, transitions: { 'closed->open': 1 } });
    });

    it('neither close nor open it when it is half-open', async () => {
      const breaker = make({ maxProbes: 1 });
      let end: (error?: Error) => void = () => {};
      const slow = settled(
        breaker.execute(
          () => new Promise((resolve, reject) => (end = (error) => (error ? reject(error) : resolve(1)))),
        ),
      );
      await open(breaker);
      await clock.advance(1000);
      const probe = observe(breaker.execute(never));

      end();
      await slow;

      expect(probe().status).toBe('pending');
      expect(breaker.state).toBe('half-open');
    });
  });

  it('charter D3: gives the place of a cancelled probe to the next caller', async () => {
    const breaker = make({ maxProbes: 1 });
    await open(breaker);
    await clock.advance(1000);
    const context = Context.withClock(clock).withCancel();
    const probe = observe(breaker.execute(never, context));

    expect(await succeed(breaker)).toMatchObject({ error: { reason: 'half-open-full', retryAfterMs: 30_000 } });
    context.cancel('the user left');
    await settle();
    expect(probe()).toEqual({ status: 'rejected', error: 'the user left' });
    expect(breaker.state).toBe('half-open');
    expect(await succeed(breaker)).toEqual({ status: 'fulfilled', value: 'value' });
    expect(breaker.state).toBe('closed');
  });

  it('charter D4: replaces a probe that never returns when its lease expires', async () => {
    const breaker = make({ maxProbes: 1, probeLeaseMs: 500 });
    await open(breaker);
    await clock.advance(1000);
    void observe(breaker.execute(never));

    await clock.advance(499);
    expect(await succeed(breaker)).toMatchObject({ error: { reason: 'half-open-full', retryAfterMs: 1 } });
    await clock.advance(1);
    expect(await succeed(breaker)).toEqual({ status: 'fulfilled', value: 'value' });
  });

  it.each([1, 3, 1000])(
    'charter D5: admits exactly %d of 10,000 callers at the instant of half-open',
    async (maxProbes) => {
      const breaker = make({ maxProbes });
      await open(breaker);
      await clock.advance(1000);
      let runs = 0;
      const operation = (): Promise<never> => {
        runs++;
        return never();
      };
      const calls = Array.from({ length: 10_000 }, () => observe(breaker.execute(operation)));
      await settle();

      expect(runs).toBe(maxProbes);
      expect(calls.filter((call) => call().status === 'pending')).toHaveLength(maxProbes);
      expect(breaker.snapshot().rejections).toMatchObject({ open: 0, 'half-open-full': 10_000 - maxProbes });
    },
  );

  it('charter B1, D8: sets no timer, ever', async () => {
    const breaker = make();
    await open(breaker);
    await clock.advance(1000);
    void observe(breaker.execute(never));

    expect(clock.pendingCount).toBe(0);
  });

  describe('charter F1: classify', () => {
    it('is asked once per run, for values and errors, with the context', async () => {
      const seen: [Outcome, Context][] = [];
      const breaker = make({ classify: (outcome, context) => (seen.push([outcome, context]), 'success') });
      const context = Context.background.withCancel();

      await settled(breaker.execute(() => 'value', context));
      await settled(breaker.execute(fails, context));

      expect(seen).toEqual([
        [{ status: 'fulfilled', value: 'value' }, context],
        [{ status: 'rejected', error: boom }, context],
      ]);
      expect(breaker.snapshot()).toMatchObject({ calls: 2, failures: 0 });
    });

    it('charter F2: may count values as failures, and the caller gets them all the same', async () => {
      const breaker = make({ classify: ({ status }) => (status === 'fulfilled' ? 'failure' : 'success') });

      expect(await succeed(breaker)).toEqual({ status: 'fulfilled', value: 'value' });
      await succeed(breaker);
      expect(breaker.state).toBe('open');
    });

    it.each([
      ['throws', () => fails()],
      ['returns nonsense', () => 'bad' as 'failure'],
    ])('charter C5: when it %s, the default rule decides and the hook is named', async (_how, classify) => {
      const breaker = make({ classify });

      await succeed(breaker);
      await fail(breaker);

      expect(breaker.snapshot().verdicts).toEqual({ success: 1, failure: 1, ignored: 0 });
      expect(hookErrors).toMatchObject([
        { hook: 'classify', policy: 'circuit-breaker' },
        { hook: 'classify', policy: 'circuit-breaker' },
      ]);
    });
  });

  describe('charter F3: of calls that end with their context', () => {
    it('ignores those that the caller cancelled', async () => {
      const breaker = make();
      for (let call = 0; call < 5; call++) {
        const context = Context.withClock(clock).withCancel();
        const running = settled(breaker.execute(never, context));
        context.cancel(new Error('of the caller’s own making'));
        await running;
      }

      expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, verdicts: { ignored: 5 } });
    });

    it('counts those whose deadline passed as failures', async () => {
      const breaker = make();
      for (let call = 0; call < 2; call++) {
        void observe(breaker.execute(never, Context.withClock(clock).withTimeout(10)));
        await clock.advance(10);
      }

      expect(breaker.snapshot()).toMatchObject({ state: 'open', verdicts: { failure: 2 } });
    });
  });

  it('charter E7: ignores rejections of ours from inside', async () => {
    const breaker = make();
    for (let call = 0; call < 5; call++) await settled(breaker.execute(() => Promise.reject(new Refused('no'))));

    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, verdicts: { ignored: 5 } });
  });

  it('ignored calls cannot open it, even if somebody looked at the window meanwhile', async () => {
    const breaker = make({ failureRatio: 0.6, window: { kind: 'time', durationMs: 1000, bucketCount: 10 } });
    await succeed(breaker);
    await succeed(breaker);
    await clock.advance(500);
    await fail(breaker);
    await fail(breaker);
    await clock.advance(500);

    expect(breaker.snapshot()).toMatchObject({ calls: 2, failures: 2 });
    await settled(breaker.execute(() => Promise.reject(new CancelledError())));
    expect(breaker.state).toBe('closed');
  });

  describe('charter C4: hands on what an operation comes to, closed and as a probe, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      const breaker = make({ minimumCalls: 1, maxProbes: 1 });

      expect(await settled(breaker.execute(operation))).toEqual(expected);
      const verdict = expected.status === 'fulfilled' ? 'success' : 'failure';
      expect(breaker.snapshot().verdicts[verdict]).toBe(1);
      if (breaker.state === 'closed') await fail(breaker);
      if (breaker.state === 'closed') await fail(breaker);
      await clock.advance(1000);
      expect(await settled(breaker.execute(operation))).toEqual(expected);
      expect(breaker.state).toBe(verdict === 'success' ? 'closed' : 'open');
    });
  });

  describe('charter C3: listeners', () => {
    it('that throw change nothing', async () => {
      const events = createEvents();
      events.listen(fails);
      const breaker = make({ events });

      await open(breaker);
      expect(await succeed(breaker)).toMatchObject({ error: { code: 'CIRCUIT_OPEN' } });
      await clock.advance(1000);
      await succeed(breaker);
      await succeed(breaker);

      expect(breaker.state).toBe('closed');
      expect(hookErrors.map(({ cause }) => cause)).toEqual([boom, boom, boom, boom]);
    });

    it('that reset the circuit while it turns half-open let the call run', async () => {
      const events = createEvents();
      const breaker = make({ events });
      await open(breaker);
      await clock.advance(1000);
      events.listen(() => breaker.reset());

      expect(await succeed(breaker)).toEqual({ status: 'fulfilled', value: 'value' });
      expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 1 });
      expect(hookErrors).toEqual([]);
    });
  });

  describe('charter G4: when the caller aborts', () => {
    it('before the call, runs nothing and counts nothing', async () => {
      const breaker = make();
      let runs = 0;
      const call = await settled(breaker.execute(() => runs++, Context.from(AbortSignal.abort('gone'))));

      expect(call).toEqual({ status: 'rejected', error: 'gone' });
      expect(runs).toBe(0);
      expect(breaker.snapshot()).toMatchObject({ verdicts: { success: 0, failure: 0, ignored: 0 } });
    });

    it('after the call, changes nothing', async () => {
      const breaker = make();
      const context = Context.withClock(clock).withCancel();
      await settled(breaker.execute(() => 'value', context));

      context.cancel('gone');
      await settle();

      expect(breaker.snapshot()).toMatchObject({ verdicts: { success: 1, failure: 0, ignored: 0 } });
    });
  });

  it('charter A3: leaves no listener on a long-lived signal after 10,000 calls, run, failed and refused', async () => {
    const controller = new AbortController();
    const shared = Context.from(controller.signal);
    const breaker = make({ openForMs: 1, minimumCalls: 5 });

    for (let round = 0; round < 1000; round++) {
      const calls = Array.from({ length: 10 }, (_, index) => {
        const context = index % 2 === 0 ? shared : Context.from(controller.signal);
        const outcome = (round + index) % 3 === 0 ? Promise.resolve(1) : Promise.reject(boom);
        outcome.catch(() => {});
        return settled(breaker.execute(() => outcome, context));
      });
      await Promise.all(calls);
      if (round % 10 === 0) await clock.advance(1);
    }

    expect(breaker.snapshot().rejections.open).toBeGreaterThan(0);
    expect(breaker.snapshot().verdicts.success).toBeGreaterThan(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('charter D1: closes also when every probe takes longer than its lease', async () => {
    const breaker = circuitBreaker({ clock, minimumCalls: 1, openForMs: 100, maxProbes: 1, probeLeaseMs: 100 });
    await breaker.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    await clock.advance(100);

    const probe = breaker.execute(() => new Promise((resolve) => void clock.setTimer(() => resolve('slow'), 150)));
    await clock.advance(150);

    await expect(probe).resolves.toBe('slow');
    expect(breaker.state).toBe('closed');
  });

  it('starts nothing when a listener ends the context of the call', async () => {
    const events = createEvents();
    const breaker = circuitBreaker({ clock, events, minimumCalls: 1, openForMs: 100 });
    await breaker.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    await clock.advance(100);
    const context = Context.background.withCancel();
    events.listen(() => context.cancel('enough'));
    let runs = 0;

    await expect(breaker.execute(() => runs++, context)).rejects.toBe('enough');

    expect(runs).toBe(0);
    expect(breaker.snapshot().verdicts).toMatchObject({ ignored: 1 });
  });

  describe('with a consecutive window', () => {
    it('opens after so many failures in a row, and starts over at each success', async () => {
      const breaker = circuitBreaker({ clock, window: { kind: 'consecutive', failureCount: 3 } });
      for (const act of [fail, fail, succeed, fail, fail]) await act(breaker);
      expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 2, failures: 2 });

      await fail(breaker);

      expect(breaker.state).toBe('open');
    });

    it.each([{ minimumCalls: 5 }, { failureRatio: 0.5 }])('charter S5: refuses %j beside it', (competing) => {
      const options: CircuitBreakerOptions = { ...competing, window: { kind: 'consecutive', failureCount: 3 } };

      expect(() => circuitBreaker(options)).toThrow('must be omitted with a consecutive window');
    });
  });
});
