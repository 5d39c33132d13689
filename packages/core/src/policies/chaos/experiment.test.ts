import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { UNREAD } from '../../kernel/clock.ts';
import { Context } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { invoke } from '../../kernel/handler.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { observe, settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type Chaos, type ChaosInjection, type ChaosOptions, chaos } from './chaos.ts';

const fault: ChaosInjection = { kind: 'fault', callRatio: 1 };
const slow = (latencyMs: number | readonly [number, number]): ChaosInjection => ({
  kind: 'latency',
  callRatio: 1,
  latencyMs,
});
const refused = { error: { code: 'CHAOS_INJECTED' } };

/** A chaos policy that is on and always hits. */
const storm = (options: Partial<ChaosOptions<unknown>> & Pick<ChaosOptions<unknown>, 'injections'>) =>
  chaos<unknown>({ name: 'storm', enforcement: 'enforce', random: () => 0, ...options });

/** A virtual clock that counts how often it is read. */
function countingClock() {
  const clock = virtualClock();
  const counting = { reads: 0, now: () => (counting.reads++, clock.now()), setTimer: clock.setTimer.bind(clock) };
  return counting;
}

describe('an experiment', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('(3) reads the clock for the time that it runs, and only where that ends', async () => {
    const clock = countingClock();
    const endless = storm({ injections: [fault], clock });
    const { reads } = clock;
    await settled(endless.execute(() => 1));
    endless.snapshot();
    expect(clock.reads).toBe(reads);

    const off = storm({ injections: [fault], forMs: 100, enforcement: 'off', clock });
    off.snapshot();
    expect(clock.reads).toBe(reads);
  });

  it('asks stopWhen for calls that it would hit under the enforcement that they began with', async () => {
    let asked = 0;
    const policy: Chaos<unknown> = storm({
      injections: [{ ...fault, when: () => (policy.update({ enforcement: 'off' }), true) }],
      stopWhen: () => (asked++, false),
    });

    expect([await policy.execute(() => 42), asked]).toEqual([42, 0]);
  });

  it('(1) goes by what stopWhen has made of the limits', async () => {
    const switchedOff: Chaos<unknown> = storm({
      injections: [fault],
      stopWhen: () => (switchedOff.update({ enforcement: 'off' }), false),
    });
    expect([await switchedOff.execute(() => 42), switchedOff.snapshot().injected.fault]).toEqual([42, 0]);

    const limited: Chaos<unknown> = storm({
      injections: [fault],
      maxInjections: 5,
      stopWhen: ({ runInjections }) => (limited.update({ maxInjections: runInjections === 0 ? 5 : 1 }), false),
    });
    expect(await settled(limited.execute(() => 42))).toMatchObject(refused);
    expect([await limited.execute(() => 42), limited.snapshot().runInjections]).toEqual([42, 1]);
  });

  it('gives a claim back to the run that it was of', async () => {
    const makeValue = (): never => {
      policy.update({ enforcement: 'observe' });
      throw new Error('down');
    };
    const policy: Chaos<unknown> = storm({ injections: [{ kind: 'outcome', callRatio: 1, makeValue }] });

    expect(await policy.execute(() => 42)).toBe(42);
    expect(policy.snapshot()).toMatchObject({ injected: { outcome: 0 }, runInjections: 0 });
  });

  it('tells why it has stopped, and tells it again after a change', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const policy = storm({ injections: [fault], stopWhen: () => true, events });
    for (let index = 0; index < 2; index++) await policy.execute(() => 1);
    policy.update({ stopWhen: () => false });
    await policy.execute(() => 1);

    const stopped = { type: 'chaos.stopped', policy: 'chaos', name: 'storm', reason: 'stop-when' };
    expect(recorder.events).toEqual([stopped, stopped]);
  });
});

describe('a call that is disturbed', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('is told no failure of a hook where there is none', async () => {
    await settled(storm({ injections: [fault] }).execute(() => 1));

    expect(hookErrors).toEqual([]);
  });

  it('chaos-call (4) has what went wrong reported: the hook, and its error as cause', async () => {
    const down = new Error('down');
    const injections: readonly ChaosInjection[] = [
      { kind: 'behaviour', callRatio: 1, run: () => Promise.reject(down) },
      { kind: 'latency', callRatio: 1, latencyMs: () => '5' as unknown as number },
      { kind: 'outcome', callRatio: 1, makeValue: () => Promise.resolve(1) },
    ];

    expect(await storm({ injections }).execute(() => 42)).toBe(42);
    expect(hookErrors).toMatchObject([
      { hook: 'run', cause: down },
      { hook: 'latencyMs', cause: { message: 'latencyMs must return a number from 0 to 3600000, got 5' } },
      { hook: 'makeValue', cause: { message: 'an outcome must be given or made synchronously, got a promise' } },
    ]);
  });

  it('chaos-call (4) is not delayed, and not counted, where the length of the delay cannot be drawn', async () => {
    const draws = [0, Number.NaN];
    const clock = virtualClock();
    const policy = storm({ injections: [slow([10, 20])], random: () => draws.shift() ?? 0, clock });

    expect([await policy.execute(() => 42), clock.pendingCount]).toEqual([42, 0]);
    expect([hookErrors.map(({ hook }) => hook), policy.snapshot().runInjections]).toEqual([['random'], 0]);
  });

  it('keeps the process alive until its deadline while it is delayed', async () => {
    const clock = virtualClock();
    const context = Context.withClock(clock).withTimeout(50);
    void observe(storm({ injections: [slow(100)], clock }).execute(() => 1, context));

    expect([clock.pendingCount, clock.referencedCount]).toEqual([2, 2]);
    await clock.advance(50);
  });

  it('chaos-call (2) does not start when its delay ends late, after its deadline', async () => {
    const timers: (() => void)[] = [];
    let now = 0;
    const timer = { cancel: () => {}, ref: () => {}, unref: () => {} };
    const clock = { now: () => now, setTimer: (callback: () => void) => (timers.push(callback), timer) };
    let runs = 0;
    const policy = storm({ injections: [slow(9)], clock });
    const call = observe(policy.execute(() => ++runs, Context.withClock(clock).withTimeout(10)));
    now = 12;
    timers.at(-1)?.();
    await settle();

    expect([call(), runs]).toMatchObject([{ error: { code: 'DEADLINE_EXCEEDED' } }, 0]);
  });

  it('chaos-call (2), (3) is failed by its context, also where chaos is switched off while that ends', () => {
    const told: unknown[] = [];
    const policy: Chaos<unknown> = storm({ injections: [slow(100)], clock: virtualClock() });
    const sink = {
      resolve: (): unknown => told.push('resolve'),
      reject: (error: unknown): unknown => (policy.update({ enforcement: 'off' }), told.push(error)),
      refuse: (): unknown => told.push('refuse'),
    };
    const context = Context.background.withCancel();
    for (let index = 0; index < 2; index++) policy.layer(invoke)(() => 1, context, sink, UNREAD);
    context.cancel('enough');

    expect(told).toEqual(['enough', 'enough']);
  });

  /** A delay of 100 ms for one call, with a hook that does `act` while it begins. */
  const beginDelay = (hook: string, act: (policy: Chaos<unknown>) => void, after: readonly ChaosInjection[] = []) => {
    const clock = virtualClock();
    const events = createEvents();
    let hasActed = false;
    const once = (asked: string): void => {
      if (asked !== hook || hasActed) return;
      hasActed = true;
      act(policy);
    };
    const latencyMs = (): number => (once('latencyMs'), 100);
    const policy: Chaos<unknown> = storm({
      injections: [{ kind: 'latency', callRatio: 1, latencyMs }, ...after],
      clock,
      events,
      captureAsyncContext: () => (once('captureAsyncContext'), (fn) => fn()),
    });
    events.listen(() => once('listener'));
    return { clock, policy };
  };
  const hooksOfDelays = ['captureAsyncContext', 'listener', 'latencyMs'];

  it.each(hooksOfDelays)(
    'chaos-call (1) runs once, and at once, where %s switches chaos off as it is delayed',
    async (hook) => {
      const { clock, policy } = beginDelay(hook, (chosen) => chosen.update({ enforcement: 'off' }));
      let runs = 0;
      const call = observe(policy.execute(() => ++runs));
      await settle();

      expect([call(), runs, policy.snapshot().delayed, clock.pendingCount]).toEqual([
        { status: 'fulfilled', value: 1 },
        1,
        0,
        0,
      ]);
      await clock.advance(1000);
      expect(runs).toBe(1);
    },
  );

  it.each(hooksOfDelays)('chaos-call (1) is delayed by a new run only, where %s begins one', async (hook) => {
    const restart = (chosen: Chaos<unknown>): void => {
      chosen.update({ enforcement: 'off' });
      chosen.update({ enforcement: 'enforce' });
    };
    const { clock, policy } = beginDelay(hook, restart, [slow(10)]);
    let runs = 0;
    void observe(policy.execute(() => ++runs));
    expect([policy.snapshot().delayed, clock.pendingCount]).toEqual([1, 1]);

    await clock.advance(9);
    expect(runs).toBe(0);
    await clock.advance(1);
    expect([runs, policy.snapshot().delayed, clock.pendingCount]).toEqual([1, 0, 0]);
    await clock.advance(1000);
    expect(runs).toBe(1);
  });

  it.each(hooksOfDelays)('chaos-call (2), (3) fails with its cause where %s ends its context', async (hook) => {
    const context = Context.background.withCancel();
    const { clock, policy } = beginDelay(hook, () => context.cancel('enough'));
    const told: unknown[] = [];
    const tell =
      (how: string) =>
      (outcome: unknown): unknown =>
        told.push([how, outcome]);
    const sink = { resolve: tell('resolve'), reject: tell('reject'), refuse: tell('refuse') };
    policy.layer(invoke)(() => 1, context, sink, UNREAD);
    await clock.advance(1000);

    expect([told, policy.snapshot().delayed, clock.pendingCount]).toEqual([[['reject', 'enough']], 0, 0]);
  });
});
