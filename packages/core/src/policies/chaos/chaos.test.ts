import { AsyncLocalStorage } from 'node:async_hooks';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { observe, operationTable, settled } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { type ChaosInjection, type ChaosOptions, type ChaosSnapshot, chaos } from './chaos.ts';

const fault: ChaosInjection = { kind: 'fault', callRatio: 1 };
const slow = (latencyMs: number): ChaosInjection => ({ kind: 'latency', callRatio: 1, latencyMs });
const tenant = contextKey<string>('tenant');
const of = (name: string): Context => Context.background.withValue(tenant, name);

/** A chaos policy that is on and always hits. */
const storm = (options: Partial<ChaosOptions<unknown>> & Pick<ChaosOptions<unknown>, 'injections'>) =>
  chaos<unknown>({ name: 'storm', enforcement: 'enforce', random: () => 0, ...options });

describe('chaos', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const hooks = (): string[] => hookErrors.map(({ hook, policy }) => `${hook} of ${String(policy)}`);

  describe('switched off', () => {
    it('(1) charter N6: is off by default, and then draws nothing, counts nothing and reads no clock', async () => {
      const touch = (): never => {
        throw new Error('touched');
      };
      const policy = chaos({ injections: [fault], random: touch, clock: { now: touch, setTimer: touch } });

      expect(await policy.execute(() => 42)).toBe(42);
      expect(policy.snapshot()).toMatchObject({ isRunning: false, calls: 0, stoppedBy: undefined });
      expect(policy.describe()).toMatchObject({ enforcement: 'off', traits: { maxWaitMs: 0, hidesFailures: false } });
    });

    it('charter N6: stands behind a switch of the application by its predicate', async () => {
      let isOn = false;
      const policy = storm({ injections: [{ ...fault, when: () => isOn }] });

      expect(await policy.execute(() => 42)).toBe(42);
      isOn = true;
      expect(await settled(policy.execute(() => 42))).toMatchObject({ error: { code: 'CHAOS_INJECTED' } });
    });

    it.each(operationTable())('(3) passes through an operation that $title', async ({ operation, expected }) => {
      const quiet = storm({ injections: [{ ...fault, callRatio: 0 }] });

      for (const policy of [chaos({ injections: [fault] }), quiet]) {
        const outcome = await settled(policy.execute(operation));
        expect(outcome).toEqual(expected);
        if (expected.status === 'rejected') expect((outcome as { error: unknown }).error).toBe(expected.error);
      }
    });
  });

  describe('aim', () => {
    it('(2) is taken by the context, or by the value of a key', async () => {
      const byKey = storm({ injections: [{ ...fault, when: { key: tenant, values: ['test', 'canary'] } }] });
      const byContext = storm({ injections: [{ ...fault, when: (own) => own.value(tenant) === 'test' }] });

      for (const policy of [byKey, byContext]) {
        expect(await settled(policy.execute(() => 1, of('test')))).toMatchObject({ status: 'rejected' });
        expect(await settled(policy.execute(() => 1, of('acme')))).toMatchObject({ status: 'fulfilled' });
        expect(await settled(policy.execute(() => 1))).toMatchObject({ status: 'fulfilled' });
        expect(policy.snapshot()).toMatchObject({ calls: 3, runInjections: 1 });
      }
    });

    it.each([
      ['when', { when: () => JSON.parse('{') as boolean }, {}],
      ['when', { when: (() => Promise.resolve(true)) as unknown as () => boolean }, {}],
      ['random', {}, { random: () => JSON.parse('{') as number }],
      ['random', {}, { random: () => 1 }],
      ['random', {}, { random: () => Number.NaN }],
    ])('experiment (4): a failing %s is reported, and injects nothing', async (hook, aim, ports) => {
      const policy = storm({ injections: [{ ...fault, ...aim }], ...ports });

      expect(await policy.execute(() => 42)).toBe(42);
      expect(hooks()).toEqual([`${hook} of storm`]);
    });
  });

  describe('stops', () => {
    it('experiment (1): after maxInjections', async () => {
      const policy = storm({ injections: [fault], maxInjections: 2 });
      const outcomes: string[] = [];
      for (let index = 0; index < 4; index++) outcomes.push((await settled(policy.execute(() => 1))).status);

      expect(outcomes).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
      expect(policy.snapshot()).toMatchObject({ isRunning: false, stoppedBy: 'max-injections', calls: 4 });
    });

    it('experiment (1), (3): forMs after the run began, without a timer', async () => {
      const clock = virtualClock(1000);
      const policy = storm({ injections: [fault], forMs: 100, clock });
      await clock.advance(99.9);
      expect(await settled(policy.execute(() => 1))).toMatchObject({ status: 'rejected' });
      expect([policy.snapshot().isRunning, clock.pendingCount]).toEqual([true, 0]);
      await clock.advance(0.1);

      expect(policy.snapshot()).toMatchObject({ isRunning: false, stoppedBy: 'time' });
      expect(await settled(policy.execute(() => 1))).toMatchObject({ status: 'fulfilled' });
    });

    it('experiment (2): when stopWhen says so, for good, and lets go of the calls that it delays', async () => {
      const clock = virtualClock();
      let isTooBad = false;
      const asked: ChaosSnapshot[] = [];
      const stopWhen = (snapshot: ChaosSnapshot): boolean => (asked.push(snapshot), isTooBad);
      const policy = storm({ injections: [slow(1000)], stopWhen, clock });
      const held = observe(policy.execute(() => 'first'));
      isTooBad = true;
      expect(await policy.execute(() => 'second')).toBe('second');
      isTooBad = false;

      expect([held(), clock.now()]).toEqual([{ status: 'fulfilled', value: 'first' }, 0]);
      expect(await policy.execute(() => 'third')).toBe('third');
      expect(policy.snapshot()).toMatchObject({ isRunning: false, stoppedBy: 'stop-when', delayed: 0 });
      expect(asked).toMatchObject([{ runInjections: 0 }, { runInjections: 1, delayed: 1 }]);
    });

    it('experiment (4): when stopWhen throws', async () => {
      const policy = storm({ injections: [fault], stopWhen: () => JSON.parse('{') as boolean });

      expect(await policy.execute(() => 42)).toBe(42);
      expect([hooks(), policy.snapshot().stoppedBy]).toEqual([['stopWhen of storm'], 'stop-when']);
    });

    it('leaves calls alone that stopWhen itself makes', async () => {
      const inside: unknown[] = [];
      const policy = storm({
        injections: [fault],
        stopWhen: () => {
          inside.push(observe(policy.execute(() => 'inside')));
          return false;
        },
      });

      expect(await settled(policy.execute(() => 42))).toMatchObject({ status: 'rejected' });
      expect((inside[0] as () => unknown)()).toEqual({ status: 'fulfilled', value: 'inside' });
      expect(inside).toHaveLength(1);
    });

    it('the breaker outside it can be what stops it', async () => {
      const breaker = circuitBreaker({ minimumCalls: 2, maxProbes: 1, openForMs: 100, clock: virtualClock() });
      const policy = storm({ injections: [fault], stopWhen: () => breaker.state !== 'closed' });
      const calls = pipeline(breaker, policy);
      for (let index = 0; index < 2; index++) await settled(calls.execute(() => 1));
      expect(breaker.state).toBe('open');

      expect(await policy.execute(() => 'let through')).toBe('let through');
      expect(policy.snapshot().stoppedBy).toBe('stop-when');
    });
  });

  describe('enforcement', () => {
    it('(4) observes: counts what it would have done, does nothing, and waits for nothing', async () => {
      const clock = virtualClock();
      const events = createEvents();
      const recorder = recordEvents(events);
      const run = (): never => JSON.parse('{') as never;
      const injections: readonly ChaosInjection[] = [{ kind: 'behaviour', callRatio: 1, run }, slow(50), fault, fault];
      const policy = storm({ injections, enforcement: 'observe', clock, events });

      expect([await policy.execute(() => 42), clock.pendingCount]).toEqual([42, 0]);
      expect(policy.snapshot()).toMatchObject({
        injected: { fault: 0, latency: 0, outcome: 0, behaviour: 0 },
        observed: { fault: 1, latency: 1, outcome: 0, behaviour: 1 },
        calls: 1,
      });
      const event = { type: 'chaos.injected', policy: 'chaos', name: 'storm', enforcement: 'observe' };
      expect(recorder.events).toEqual(['behaviour', 'latency', 'fault'].map((injection) => ({ ...event, injection })));
    });

    it('(5) begins a new run when it changes, and keeps the counters', async () => {
      const policy = storm({ injections: [fault], maxInjections: 1, enforcement: 'observe' });
      await policy.execute(() => 1);
      expect(policy.snapshot()).toMatchObject({ isRunning: false, stoppedBy: 'max-injections' });
      policy.update({ enforcement: 'enforce' });
      expect(policy.snapshot()).toMatchObject({ isRunning: true, runInjections: 0, observed: { fault: 1 } });
      await settled(policy.execute(() => 1));
      policy.update({ enforcement: 'enforce' }); // no change, so no new run
      expect(policy.snapshot()).toMatchObject({ isRunning: false, injected: { fault: 1 } });

      policy.update({ maxInjections: 2 });
      expect(policy.snapshot().isRunning).toBe(true);
    });

    it('(5) switched off, lets go of the calls that it delays at once', async () => {
      const clock = virtualClock();
      let aims = 0;
      const policy = storm({ injections: [slow(1000), { ...fault, when: () => aims++ < 0 }], clock });
      const gone = Context.background.withCancel();
      const calls = [Context.background, gone].map((context) => observe(policy.execute(() => 'value', context)));
      gone.cancel('enough');
      policy.update({ enforcement: 'off' });
      await settle();

      expect(calls.map((call) => call())).toEqual([
        { status: 'fulfilled', value: 'value' },
        { status: 'rejected', error: 'enough' },
      ]);
      expect([clock.now(), clock.pendingCount, policy.snapshot().delayed, aims]).toEqual([0, 0, 0, 0]);
    });

    it('charter R3: a call that is let go runs in its own async context', async () => {
      const storage = new AsyncLocalStorage<string>();
      const clock = virtualClock();
      const seen: unknown[] = [];
      const note = (): unknown => seen.push(storage.getStore());
      const injections: readonly ChaosInjection[] = [slow(1000)];
      const policy = storm({ injections, clock, captureAsyncContext: () => AsyncLocalStorage.snapshot() });
      const calls = ['a', 'b'].map((name) => storage.run(name, () => observe(policy.execute(note))));
      storage.run('operator', () => policy.update({ enforcement: 'off' }));
      await settle();

      expect([seen, calls.map((call) => call().status)]).toEqual([
        ['a', 'b'],
        ['fulfilled', 'fulfilled'],
      ]);
    });
  });

  it('charter O1: a refused update changes nothing, and a plan applies later', async () => {
    const policy = storm({ injections: [fault] });
    const before = policy.describe();
    const update = (changes: never): void => policy.update(changes);

    expect(verdictOn(update, { maxInjections: 0 })).toContain('chaos.maxInjections must be');
    expect(verdictOn(update, { injections: [{ kind: 'fault', callRatio: 2 }] })).toContain(
      'chaos.injections[0].callRatio must be a number from 0 to 1, got 2',
    );
    expect(verdictOn(update, { name: 'other' })).toContain('chaos.update has no option "name"');
    expect(policy.describe()).toEqual(before);

    const apply = policy.planUpdate({ injections: [slow(20)], forMs: 5000 });
    expect(policy.describe()).toEqual(before);
    apply();
    expect(policy.describe()).toEqual({
      kind: 'chaos',
      name: 'storm',
      enforcement: 'enforce',
      options: {
        injections: [{ kind: 'latency', callRatio: 1, latencyMs: 20 }],
        maxInjections: Infinity,
        forMs: 5000,
      },
      traits: { maxWaitMs: 20, hidesFailures: false },
    });
  });

  it('tells what it injects, and once that it has stopped', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const policy = storm({ injections: [fault], maxInjections: 1, events });
    for (let index = 0; index < 3; index++) await settled(policy.execute(() => 1));

    const event = { policy: 'chaos', name: 'storm' };
    expect(recorder.events).toEqual([
      { type: 'chaos.injected', ...event, injection: 'fault', enforcement: 'enforce' },
      { type: 'chaos.stopped', ...event, reason: 'max-injections' },
    ]);
  });
});
