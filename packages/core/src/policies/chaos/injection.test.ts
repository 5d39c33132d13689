import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { UNREAD } from '../../kernel/clock.ts';
import { Context, contextKey } from '../../kernel/context.ts';
import { type HookError, isRejection, isResilienceError } from '../../kernel/errors.ts';
import { invoke } from '../../kernel/handler.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { observe, settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { fallback } from '../fallback/fallback.ts';
import { retry } from '../retry/retry.ts';
import { timeout } from '../timeout/timeout.ts';
import { type ChaosInjection, type ChaosOptions, chaos } from './chaos.ts';

const fault: ChaosInjection = { kind: 'fault', callRatio: 1 };
const slow = (latencyMs: number): ChaosInjection => ({ kind: 'latency', callRatio: 1, latencyMs });
const tenant = contextKey<string>('tenant');
const of = (name: string): Context => Context.background.withValue(tenant, name);

/** A chaos policy that is on and always hits. */
const storm = (options: Partial<ChaosOptions<unknown>> & Pick<ChaosOptions<unknown>, 'injections'>) =>
  chaos<unknown>({ name: 'storm', enforcement: 'enforce', random: () => 0, ...options });

describe('an injection', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const hooks = (): string[] => hookErrors.map(({ hook, policy }) => `${hook} of ${String(policy)}`);

  describe('fault', () => {
    it('chaos-call (3): is a failure of the dependency to all who stand outside, not a rejection', async () => {
      const breaker = circuitBreaker({ minimumCalls: 2, clock: virtualClock() });
      const failing = pipeline(breaker, storm({ injections: [fault] }));
      let runs = 0;
      const first = await settled(failing.execute(() => ++runs));
      await settled(failing.execute(() => ++runs));

      expect(first).toMatchObject({
        error: { name: 'ChaosError', code: 'CHAOS_INJECTED', policy: 'storm', message: 'storm injected this failure' },
      });
      const { error } = first as { error: unknown };
      expect([isResilienceError(error), isRejection(error)]).toEqual([true, false]);
      expect([breaker.state, runs]).toEqual(['open', 0]);
    });

    it('is retried, and answered by a fallback', async () => {
      const clock = virtualClock();
      const once = storm({ injections: [fault], maxInjections: 1 });
      const policy = pipeline(retry({ baseDelayMs: 0, clock }), once);
      const call = observe(policy.execute(() => 'value'));
      await clock.runAll();
      expect(call()).toEqual({ status: 'fulfilled', value: 'value' });

      const always = storm({ injections: [fault] });
      expect(await pipeline(fallback({ value: 'substitute' }), always).execute(() => 'value')).toBe('substitute');
    });

    it('comes with the error that was given, by identity', async () => {
      const error = new Error('connection reset');
      const policy = storm({ injections: [{ ...fault, makeError: () => error }] });

      expect((await settled(policy.execute(() => 42))) as object).toHaveProperty('error', error);
    });

    it('chaos-call (4): keeps its own error when makeError throws', async () => {
      const policy = storm({ injections: [{ ...fault, makeError: () => JSON.parse('{') as never }] });

      expect(await settled(policy.execute(() => 42))).toMatchObject({ error: { code: 'CHAOS_INJECTED' } });
      expect(hooks()).toEqual(['makeError of storm']);
    });
  });

  describe('latency', () => {
    it('delays the call for exactly as long as it says, then runs it', async () => {
      const clock = virtualClock();
      const policy = storm({ injections: [slow(100)], clock });
      const startedAt: number[] = [];
      const call = observe(policy.execute(() => (startedAt.push(clock.now()), 'value')));

      await clock.advance(99);
      expect([startedAt, policy.snapshot().delayed]).toEqual([[], 1]);
      await clock.advance(1);
      expect([startedAt, call(), policy.snapshot().delayed]).toEqual([
        [100],
        { status: 'fulfilled', value: 'value' },
        0,
      ]);
      expect(clock.pendingCount).toBe(0);
    });

    it.each([
      ['the least', () => 0, 50],
      ['the middle', () => 0.5, 100],
      ['the context', () => 0, 7],
    ])('takes %s of what it may be', async (title, random, expected) => {
      const clock = virtualClock();
      const draws = [0, random()];
      const latencyMs = title === 'the context' ? () => 7 : ([50, 150] as const);
      const injections: readonly ChaosInjection[] = [{ kind: 'latency', callRatio: 1, latencyMs }];
      const policy = storm({ injections, random: () => draws.shift() ?? 0, clock });
      const call = observe(policy.execute(() => clock.now()));
      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: expected });
    });

    it('chaos-call (2): ends with the context, within its tick, and looks like a slow dependency', async () => {
      const clock = virtualClock();
      const breaker = circuitBreaker({ minimumCalls: 1, clock });
      const policy = storm({ injections: [slow(5000)], clock });
      let runs = 0;
      const call = observe(pipeline(breaker, timeout({ timeoutMs: 100, clock }), policy).execute(() => ++runs));
      await clock.advance(99);
      expect(call()).toEqual({ status: 'pending' });
      await clock.advance(1);

      expect(call()).toMatchObject({ error: { code: 'TIMEOUT' } });
      expect([breaker.state, policy.snapshot().delayed, clock.pendingCount]).toEqual(['open', 0, 0]);
      await clock.advance(10_000);
      expect(runs).toBe(0);
    });

    it('chaos-call (2): ends with the caller who gives up, and with a deadline of the caller', async () => {
      const clock = virtualClock();
      const policy = storm({ injections: [slow(5000)], clock });
      const leaving = Context.withClock(clock).withCancel();
      const calls = [leaving, Context.withClock(clock).withTimeout(10)].map((context) =>
        observe(policy.execute(() => 'value', context)),
      );
      leaving.cancel('enough');
      await settle();
      expect([calls[0]?.(), calls[1]?.()]).toEqual([{ status: 'rejected', error: 'enough' }, { status: 'pending' }]);
      await clock.advance(10);

      expect(calls[1]?.()).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
      expect(clock.pendingCount).toBe(0);
    });

    it.each(['over', 'let go'])('chaos-call (1): a delay that is %s has left the context alone', async (how) => {
      const clock = virtualClock();
      const policy = storm({ injections: [slow(10), slow(10)], clock });
      const context = Context.withClock(clock).withCancel();
      const told: unknown[] = [];
      const tell = (what: unknown): unknown => told.push(what);
      const sink = { resolve: tell, reject: tell, refuse: tell };
      policy.layer(invoke)(() => new Promise(() => {}), context, sink, UNREAD);
      if (how === 'over') await clock.advance(20);
      else policy.update({ enforcement: 'off' });
      expect([told, policy.snapshot().delayed]).toEqual([[], 0]);
      context.cancel('enough');

      expect(told).toEqual(['enough']);
    });

    it.each([
      ['throws', () => JSON.parse('{') as number],
      ['returns less than nothing', () => -1],
      ['returns no number', () => Number.NaN],
      ['returns a promise', () => Promise.reject(new Error('late')) as unknown as number],
    ])(
      'chaos-call (4): a function that %s is reported, delays nothing and is not counted',
      async (_title, latencyMs) => {
        const clock = virtualClock();
        const policy = storm({ injections: [{ kind: 'latency', callRatio: 1, latencyMs }], clock });

        expect(await policy.execute(() => 42)).toBe(42);
        expect([hooks(), policy.snapshot().runInjections]).toEqual([['latencyMs of storm'], 0]);
      },
    );
  });

  describe('outcome', () => {
    it('answers in place of the operation, by identity', async () => {
      const value = { items: [] };
      const given = storm({ injections: [{ kind: 'outcome', callRatio: 1, value }] });
      const made = storm({ injections: [{ kind: 'outcome', callRatio: 1, makeValue: (own) => own.value(tenant) }] });
      const nothing = storm({ injections: [{ kind: 'outcome', callRatio: 1, value: undefined }] });
      let runs = 0;
      const run = (): number => ++runs;

      expect(await given.execute(run)).toBe(value);
      expect(await made.execute(run, of('acme'))).toBe('acme');
      expect([await nothing.execute(run), runs]).toEqual([undefined, 0]);
    });

    it.each([
      ['throws', () => JSON.parse('{') as number],
      ['returns a promise', () => Promise.reject(new Error('late')) as unknown as number],
    ])('chaos-call (4): a makeValue that %s is reported, and the call runs', async (_title, makeValue) => {
      const policy = storm({ injections: [{ kind: 'outcome', callRatio: 1, makeValue }], maxInjections: 1 });

      expect(await policy.execute(() => 42)).toBe(42);
      expect([hooks(), policy.snapshot().injected.outcome]).toEqual([['makeValue of storm'], 0]);
      expect(policy.snapshot()).toMatchObject({ isRunning: true, runInjections: 0 });
    });
  });

  describe('behaviour', () => {
    it('is done before the call, and waited for', async () => {
      const clock = virtualClock();
      const done: string[] = [];
      const run = async (): Promise<void> => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 20));
        done.push(`behaviour at ${clock.now()}`);
      };
      const policy = storm({ injections: [{ kind: 'behaviour', callRatio: 1, run }], clock });
      const call = observe(policy.execute(() => done.push(`operation at ${clock.now()}`)));
      await clock.advance(20);

      expect(done).toEqual(['behaviour at 20', 'operation at 20']);
      expect(call()).toMatchObject({ status: 'fulfilled' });
    });

    it.each([
      ['throws', () => JSON.parse('{') as never],
      ['rejects', () => Promise.reject(new Error('boom'))],
    ])('chaos-call (4): one that %s is reported, and the call runs', async (_title, run) => {
      const policy = storm({ injections: [{ kind: 'behaviour', callRatio: 1, run }] });

      expect(await policy.execute(() => 42)).toBe(42);
      expect(hooks()).toEqual(['run of storm']);
    });

    it('chaos-call (2): nothing starts when the context ended meanwhile', async () => {
      let runs = 0;
      const waits = storm({
        injections: [{ kind: 'behaviour', callRatio: 1, run: () => new Promise(() => {}) }, fault],
      });
      const context = Context.background.withCancel();
      const call = observe(waits.execute(() => ++runs, context));
      context.cancel('enough');
      await settle();
      expect(call()).toEqual({ status: 'rejected', error: 'enough' });

      const own = Context.background.withCancel();
      const cancels = storm({ injections: [{ kind: 'behaviour', callRatio: 1, run: () => own.cancel('cut') }, fault] });
      expect(await settled(cancels.execute(() => ++runs, own))).toEqual({ status: 'rejected', error: 'cut' });
      expect([runs, hooks()]).toEqual([0, []]);
    });
  });

  it('tries injections in order, until one fails or answers the call', async () => {
    const clock = virtualClock();
    const done: string[] = [];
    const behaviour: ChaosInjection = { kind: 'behaviour', callRatio: 1, run: () => done.push(`at ${clock.now()}`) };
    const answer: ChaosInjection = { kind: 'outcome', callRatio: 1, value: 'injected' };
    const policy = storm({ injections: [behaviour, slow(30), behaviour, answer, fault], clock });
    const call = observe(policy.execute(() => 'value'));
    await clock.advance(30);

    expect([call(), done]).toEqual([{ status: 'fulfilled', value: 'injected' }, ['at 0', 'at 30']]);
    expect(policy.snapshot().injected).toEqual({ fault: 0, latency: 1, outcome: 1, behaviour: 2 });
  });
});
