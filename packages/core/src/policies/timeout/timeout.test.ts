import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import type { Clock } from '../../kernel/clock.ts';
import { Context, contextKey } from '../../kernel/context.ts';
import { DeadlineExceededError, isTimeout } from '../../kernel/cancellation.ts';
import { createEvents } from '../../kernel/events.ts';
import { isRejection, isResilienceError } from '../../kernel/errors.ts';
import { after, never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { TimeoutError, timeout, timeoutDefaults } from './timeout.ts';

describe('timeout', () => {
  it('gives the value of an operation that settles 1 ms before the deadline', async () => {
    const clock = virtualClock();
    const call = observe(timeout({ timeoutMs: 100, clock }).execute(() => after(clock, 99, 'in time')));

    await clock.advance(99);

    expect(call()).toEqual({ status: 'fulfilled', value: 'in time' });
  });

  it('rejects at the deadline, neither before nor after it', async () => {
    const clock = virtualClock();
    const call = observe(timeout({ name: 'prices', timeoutMs: 100, clock }).execute(never));

    await clock.advance(99);
    expect(call().status).toBe('pending');

    await clock.advance(1);
    expect(call()).toMatchObject({
      status: 'rejected',
      error: { name: 'TimeoutError', code: 'TIMEOUT', policy: 'prices', timeoutMs: 100 },
    });
  });

  it('rejects an operation that settles at the very deadline', async () => {
    const clock = virtualClock();
    const call = observe(timeout({ timeoutMs: 100, clock }).execute(() => after(clock, 100, 'too late')));

    await clock.advance(100);

    expect(call()).toMatchObject({ status: 'rejected', error: { code: 'TIMEOUT' } });
  });

  it('refuses every call, and runs nothing, when timeoutMs is 0', async () => {
    let runs = 0;
    const call = await settled(timeout({ timeoutMs: 0, clock: virtualClock() }).execute(() => runs++));

    expect(call).toMatchObject({ status: 'rejected', error: { code: 'TIMEOUT', timeoutMs: 0 } });
    expect(runs).toBe(0);
  });

  it('sets no deadline and no timer when timeoutMs is Infinity', async () => {
    const clock = virtualClock();
    const deadline = await timeout({ timeoutMs: Infinity, clock }).execute((context) => context.deadline);

    expect(deadline).toBe(Infinity);
    expect(clock.pendingCount).toBe(0);
  });

  it('takes the time alone in place of options', async () => {
    expect(timeout(5).name).toBe(timeoutDefaults.name);
    await expect(timeout(0).execute(never)).rejects.toBeInstanceOf(TimeoutError);
  });

  it('makes an error that the guards know, and that is no rejection: the operation ran', () => {
    const error = new TimeoutError('prices', 100);

    expect(isResilienceError(error)).toBe(true);
    expect(isTimeout(error)).toBe(true);
    expect(isRejection(error)).toBe(false);
    expect(error.message).toBe('prices gave up after 100 ms');
    expect(error).toBeInstanceOf(DeadlineExceededError);
  });

  it('gives each of several calls its own deadline', async () => {
    const clock = virtualClock();
    const policy = timeout({ timeoutMs: 100, clock });
    const endedAt: number[] = [];
    for (const waitMs of [30, 40, 1000]) {
      policy.execute(never).catch(() => endedAt.push(clock.now()));
      await clock.advance(waitMs);
    }

    expect(endedAt).toEqual([100, 130, 170]);
  });

  it('gives a call its own deadline when the timer of an earlier one is still set', async () => {
    const clock = virtualClock();
    const policy = timeout({ timeoutMs: 100, clock });
    await policy.execute(() => Promise.resolve('value'));
    await clock.advance(30);
    const call = observe(policy.execute(never));

    await clock.advance(99);
    expect(call().status).toBe('pending');
    await clock.advance(1);
    expect(call().status).toBe('rejected');
  });

  it('tells the operation its deadline and the remaining time', async () => {
    const clock = virtualClock(1000);
    const seen = await timeout({ timeoutMs: 250, clock }).execute((context) => [
      context.deadline,
      context.remainingMs(),
    ]);

    expect(seen).toEqual([1250, 250]);
  });

  it('hands the values of the caller on to the operation', async () => {
    const tenant = contextKey<string>('tenant');
    const context = Context.background.withValue(tenant, 'acme');

    await expect(
      timeout({ timeoutMs: 5, clock: virtualClock() }).execute((own) => own.value(tenant), context),
    ).resolves.toBe('acme');
  });

  describe('options', () => {
    const table = optionTable('timeout', {
      timeoutMs: { kind: 'number', min: 0, max: Infinity, isRequired: true },
    });
    const nameTable = optionTable('timeout', { name: { kind: 'name' } }, { timeoutMs: 1 });

    it.each([...table, ...nameTable])('$title', ({ options, expected }) => {
      expect(verdictOn(timeout, options)).toBe(expected);
    });

    it('are refused where timeoutMs is missing', () => {
      expect(verdictOn(timeout, {})).toContain('timeout.timeoutMs must be a number from 0 to Infinity, got undefined');
    });

    it('are refused with the known ones where one is unknown', () => {
      expect(verdictOn(timeout, { timeoutMs: 1, ms: 1 })).toContain('TypeError: timeout has no option "ms"');
    });
  });

  describe('charter C4: hands on what an operation comes to, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      const clock = virtualClock();

      expect(await settled(timeout({ timeoutMs: 100, clock }).execute(operation))).toEqual(expected);
      expect(clock.referencedCount).toBe(0);
    });
  });

  describe('charter G1: at the deadline', () => {
    it('aborts the signal of the operation with the error that the caller gets', async () => {
      const clock = virtualClock();
      let signal: AbortSignal | undefined;
      const call = observe(
        timeout({ timeoutMs: 100, clock }).execute((context) => {
          ({ signal } = context);
          return never();
        }),
      );

      await clock.advance(100);

      expect(call()).toEqual({ status: 'rejected', error: signal?.reason });
    });

    it('drops what the operation does later, its rejection included', async () => {
      const clock = virtualClock();
      const unhandled: unknown[] = [];
      const onUnhandled = (error: unknown): number => unhandled.push(error);
      process.on('unhandledRejection', onUnhandled);
      const call = observe(
        timeout({ timeoutMs: 100, clock }).execute(async () => {
          await after(clock, 200, undefined);
          throw new Error('late');
        }),
      );

      await clock.advance(300);
      process.off('unhandledRejection', onUnhandled);

      expect(call()).toMatchObject({ status: 'rejected', error: { code: 'TIMEOUT' } });
      expect(unhandled).toEqual([]);
    });
  });

  it('charter G2: leaves the signals of other calls alone', async () => {
    const clock = virtualClock();
    const policy = timeout({ timeoutMs: 100, clock });
    const signals: AbortSignal[] = [];
    const start = (): void =>
      void observe(
        policy.execute(({ signal }) => {
          signals.push(signal);
          return never();
        }),
      );

    start();
    await clock.advance(50);
    start();
    await clock.advance(50);
    start();

    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, false]);
  });

  it('leaves a signal alone that is first read after the call, and watches nothing for it', async () => {
    const clock = virtualClock();
    for (const parent of [undefined, Context.withClock(clock).withCancel()]) {
      const own = await timeout({ timeoutMs: 100, clock }).execute((given) => given, parent);
      const { signal } = own;
      await clock.advance(200);
      parent?.cancel();

      expect([signal.aborted, clock.pendingCount]).toEqual([false, 0]);
      expect([own.cancelled, signal.aborted]).toEqual([true, true]); // who asks is told
    }
  });

  describe('charter G4: when the caller aborts', () => {
    const reason = { why: 'the user left' };

    it('before the call, runs nothing and rejects with the reason', async () => {
      let runs = 0;
      const context = Context.from(AbortSignal.abort(reason));
      const call = await settled(timeout({ timeoutMs: 100, clock: virtualClock() }).execute(() => runs++, context));

      expect(call).toEqual({ status: 'rejected', error: reason });
      expect(runs).toBe(0);
    });

    it('during the call, rejects within a tick and tells the operation', async () => {
      const clock = virtualClock();
      const parent = Context.withClock(clock).withCancel();
      let own: Context | undefined;
      const call = observe(
        timeout({ timeoutMs: 100, clock }).execute((context) => {
          own = context;
          return never();
        }, parent),
      );

      await clock.advance(40);
      parent.cancel(reason);
      await settle();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(own?.cause).toBe(reason);
      expect(clock.referencedCount).toBe(0);
    });

    it('after the call, changes nothing', async () => {
      const clock = virtualClock();
      const parent = Context.withClock(clock).withCancel();
      const call = observe(timeout({ timeoutMs: 100, clock }).execute(() => 'value', parent));

      await settle();
      parent.cancel(reason);
      await clock.advance(200);

      expect(call()).toEqual({ status: 'fulfilled', value: 'value' });
    });
  });

  describe('charter G6: against the deadline of the caller', () => {
    it('ends at the earlier one, its own', async () => {
      const clock = virtualClock();
      const context = Context.withClock(clock).withTimeout(101);
      const call = observe(timeout({ timeoutMs: 100, clock }).execute(never, context));

      await clock.advance(100);

      expect(call()).toMatchObject({ status: 'rejected', error: { code: 'TIMEOUT' } });
    });

    it('ends at the earlier one, the caller’s, with the error of the caller', async () => {
      const clock = virtualClock();
      const context = Context.withClock(clock).withTimeout(99);
      const call = observe(timeout({ timeoutMs: 100, clock }).execute(never, context));

      await clock.advance(99);

      expect(call()).toEqual({ status: 'rejected', error: context.cause });
      expect(call()).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
    });

    it('holds when the caller is on another clock', async () => {
      const clock = virtualClock(5);
      const callers = virtualClock(1_000_000);
      const context = Context.withClock(callers).withTimeout(60);
      const seen = await timeout({ timeoutMs: 100, clock }).execute((own) => own.remainingMs(), context);

      expect(seen).toBe(60);
    });
  });

  it('charter A3: leaves no listener on a long-lived signal after 10,000 calls', async () => {
    const controller = new AbortController();
    const clock = virtualClock();
    const policy = timeout({ timeoutMs: 100, clock });
    const shared = Context.from(controller.signal);

    for (let round = 0; round < 1000; round++) {
      const calls = Array.from({ length: 10 }, (_, index) => {
        const context = index % 2 === 0 ? shared : Context.from(controller.signal);
        return settled(policy.execute((own) => (own.signal.aborted ? 0 : Promise.resolve(index)), context));
      });
      await Promise.all(calls);
    }
    const hung = observe(policy.execute(({ signal }) => (signal.aborted ? 0 : never()), shared));
    await clock.advance(100);

    expect(hung().status).toBe('rejected');
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  describe('runs that go on after their deadline', () => {
    const stubborn = (clock: Clock, ms: number, outcome: () => unknown) => async () => {
      await after(clock, ms, undefined);
      return outcome();
    };

    it.each([
      ['without a context of its own', undefined],
      ['under a context that may end', 'cancellable'],
    ])('are counted until they settle, and told of, %s', async (_title, kind) => {
      const clock = virtualClock();
      const events = createEvents();
      const told = recordEvents(events);
      const policy = timeout({ name: 'prices', timeoutMs: 100, clock, events });
      const context = kind === undefined ? Context.background : Context.withClock(clock).withCancel();
      const calls = [
        policy.execute(
          stubborn(clock, 150, () => 'late'),
          context,
        ),
        policy.execute(
          stubborn(clock, 170, () => raise('late')),
          context,
        ),
      ].map((call) => observe(call));

      await clock.advance(100);
      expect(policy.snapshot()).toMatchObject({ timedOut: 2, late: 2, settledLate: 0 });
      expect(calls.map((call) => call().status)).toEqual(['rejected', 'rejected']);
      await clock.advance(50);
      expect(policy.snapshot()).toMatchObject({ late: 1, settledLate: 1 });
      await clock.advance(50);
      expect(policy.snapshot()).toMatchObject({ timedOut: 2, late: 0, settledLate: 2 });

      const [settledLate, rejectedLate] = told.events.filter(({ type }) => type === 'timeout.settled-late');
      expect(told.events.filter(({ type }) => type === 'timeout.expired')).toHaveLength(2);
      expect(settledLate).toMatchObject({ name: 'prices', status: 'fulfilled', lateMs: 50 });
      expect(rejectedLate).toMatchObject({ name: 'prices', status: 'rejected', lateMs: 70 });
    });

    it('are not counted where the operation settles in time, or at its signal', async () => {
      const clock = virtualClock();
      const policy = timeout({ timeoutMs: 100, clock });
      await policy.execute(() => Promise.resolve('in time'));
      const obedient = observe(
        policy.execute(
          (context) =>
            new Promise((_resolve, reject) => {
              context.onCancel((cause) => reject(cause));
            }),
        ),
      );

      await clock.advance(100);

      expect(obedient().status).toBe('rejected');
      expect(policy.snapshot()).toMatchObject({ timedOut: 1, late: 0, settledLate: 0 });
    });
  });

  describe('enforcement', () => {
    it('observe lets calls run without a deadline, and counts those that take longer', async () => {
      const clock = virtualClock();
      const policy = timeout({ timeoutMs: 100, clock, enforcement: 'observe' });
      const deadlines: number[] = [];
      const run = (ms: number) =>
        observe(
          policy.execute((context) => {
            deadlines.push(context.deadline);
            return after(clock, ms, ms);
          }),
        );
      const calls = [run(99), run(101)];

      await clock.advance(200);

      expect(calls.map((call) => call())).toEqual([
        { status: 'fulfilled', value: 99 },
        { status: 'fulfilled', value: 101 },
      ]);
      expect(deadlines).toEqual([Infinity, Infinity]);
      expect(policy.snapshot()).toMatchObject({ timedOut: 0, observed: 1, late: 0 });
      expect(clock.referencedCount).toBe(0);
    });

    it('off does nothing', async () => {
      const clock = virtualClock();
      const policy = timeout({ timeoutMs: 0, clock, enforcement: 'off' });

      await expect(policy.execute((context) => context.deadline)).resolves.toBe(Infinity);
      expect(clock.pendingCount).toBe(0);
    });
  });

  describe('charter O1: update', () => {
    it('changes the time of calls to come, and leaves that of calls under way', async () => {
      const clock = virtualClock();
      const policy = timeout({ timeoutMs: 100, clock });
      const ends: string[] = [];
      const start = (name: string): void => void policy.execute(never).catch(() => ends.push(`${name} ${clock.now()}`));
      start('before');
      await clock.advance(10);

      policy.update({ timeoutMs: 30 });
      start('after');
      await clock.advance(200);

      expect(ends).toEqual(['after 40', 'before 100']);
      expect(policy.snapshot()).toMatchObject({ timeoutMs: 30, timedOut: 2 });
    });

    it('changes nothing where a value is refused', () => {
      const policy = timeout({ timeoutMs: 100, clock: virtualClock() });
      const before = policy.describe();

      expect(() => policy.update({ enforcement: 'observe', timeoutMs: -1 })).toThrow('timeout.timeoutMs must be');
      expect(() => policy.update({ name: 'other' } as object)).toThrow('timeout.update has no option "name"');
      expect(policy.describe()).toEqual(before);
    });

    it('can be planned, and then made without a throw', () => {
      const policy = timeout({ timeoutMs: 100, clock: virtualClock() });
      const change = policy.planUpdate({ timeoutMs: 50 });

      expect(policy.snapshot().timeoutMs).toBe(100);
      change();
      expect(policy.snapshot().timeoutMs).toBe(50);
    });
  });

  it('describes itself', () => {
    expect(timeout({ name: 'prices', timeoutMs: 100 }).describe()).toEqual({
      kind: 'timeout',
      name: 'prices',
      enforcement: 'enforce',
      options: { timeoutMs: 100 },
      traits: { limitMs: 100 },
    });
  });
});

function raise(error: unknown): never {
  throw error;
}
