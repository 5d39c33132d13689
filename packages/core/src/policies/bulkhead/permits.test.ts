import { AsyncLocalStorage } from 'node:async_hooks';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe, settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { fallback } from '../fallback/fallback.ts';
import { type Bulkhead, type BulkheadOptions, type BulkheadPermit, bulkhead, bulkheadKind } from './bulkhead.ts';

const priorityKey = contextKey<number>('priority');
const withPriority = (priority: number): Context => Context.background.withValue(priorityKey, priority);
const priorityOf = (context: Context): number => context.value(priorityKey) ?? 0;

/** A bulkhead of one permit, which is taken. */
function full(options: BulkheadOptions = {}): { policy: Bulkhead; permit: BulkheadPermit } {
  const policy = bulkhead({ maxConcurrent: 1, maxQueued: 3, ...options });
  return { policy, permit: policy.tryAcquire() as BulkheadPermit };
}

/** Makes a call that notes its start as `id`. */
function call(policy: Bulkhead, log: string[], id: string, context?: Context): ReturnType<typeof observe> {
  return observe(policy.execute(() => log.push(id), context));
}

/** A signal that calls `onListen` when somebody listens to it. */
function signalThat(onListen: (signal: { aborted: boolean; reason: unknown }) => void): AbortSignal {
  const signal = {
    aborted: false,
    reason: undefined as unknown,
    addEventListener: () => onListen(signal),
    removeEventListener: () => {},
  };
  return signal as unknown as AbortSignal;
}

/** A context that ends as soon as somebody waits for its end. */
function endingWhenWatched(context: Context): Context {
  return context.withSignal(signalThat((signal) => Object.assign(signal, { aborted: true, reason: 'gone' })));
}

describe('the permits of a bulkhead', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  describe('charter H9: maxWaitMs', () => {
    it('refuses a call that has waited so long, and no earlier', async () => {
      const clock = virtualClock();
      const { policy } = full({ name: 'reports', maxWaitMs: 50, clock });
      const first = call(policy, [], 'first');
      await clock.advance(20);
      const second = call(policy, [], 'second');

      await clock.advance(29);
      expect(first().status).toBe('pending');
      await clock.advance(1);
      expect(first()).toMatchObject({ error: { code: 'BULKHEAD_FULL', reason: 'max-wait', policy: 'reports' } });
      expect([second().status, policy.snapshot().queued, clock.pendingCount]).toEqual(['pending', 1, 1]);
      await clock.advance(20);
      expect(second()).toMatchObject({ error: { reason: 'max-wait' } });
      expect(policy.snapshot()).toMatchObject({ queued: 0, rejections: { 'max-wait': 2 } });
      expect(clock.pendingCount).toBe(0);
    });

    it('starts no call that has waited for too long already, though its timer is late', async () => {
      const clock = virtualClock();
      let lateMs = 0;
      const late = { now: () => clock.now() + lateMs, setTimer: clock.setTimer.bind(clock) };
      const { policy, permit } = full({ maxWaitMs: 50, clock: late });
      const log: string[] = [];
      const waiting = call(policy, log, 'waited');

      lateMs = 50;
      permit.release();
      await settle();

      expect(log).toEqual([]);
      expect(waiting()).toMatchObject({ error: { reason: 'max-wait' } });
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
    });

    it.each(['before', 'while'] as const)(
      'refuses none that has waited too long once enforcement is off, switched %s the next starts',
      async (when) => {
        const clock = virtualClock();
        let lateMs = 0;
        const late = { now: () => clock.now() + lateMs, setTimer: clock.setTimer.bind(clock) };
        const { policy, permit } = full({ maxWaitMs: 50, clock: late });
        const log: string[] = [];
        const switchOff = (): void => policy.update({ enforcement: 'observe' });
        const first = observe(policy.execute(() => (when === 'while' && switchOff(), log.push('first'))));
        lateMs = 40;
        const calls = [first, call(policy, log, 'second'), call(policy, log, 'third')];

        if (when === 'before') {
          lateMs = 100;
          switchOff();
        } else {
          policy.update({ maxWaitMs: 60 });
          lateMs = 55;
          permit.release();
        }
        await settle();

        expect(log).toEqual(['first', 'second', 'third']);
        expect(calls.map((one) => one().status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
      },
    );

    it('sets no timer where a call may wait for ever', () => {
      const clock = virtualClock();
      const { policy } = full({ clock });
      call(policy, [], 'waiting');
      policy.update({ maxQueued: 5 });

      expect(clock.pendingCount).toBe(0);
    });
  });

  describe('charter H9: minRunMs', () => {
    const within = (clock: ReturnType<typeof virtualClock>, ms: number) => Context.withClock(clock).withTimeout(ms);

    it('refuses at once a call whose deadline leaves less, also where a permit is free', async () => {
      const clock = virtualClock();
      const policy = bulkhead({ minRunMs: 30, clock });

      expect(await settled(policy.execute(never, within(clock, 29)))).toMatchObject({
        error: { code: 'BULKHEAD_FULL', reason: 'would-miss-deadline' },
      });
      expect(policy.tryAcquire(within(clock, 29))).toBeUndefined();
      expect(await settled(policy.execute(() => 'ran', within(clock, 30)))).toMatchObject({ value: 'ran' });
      expect(policy.snapshot()).toMatchObject({ running: 0, rejections: { 'would-miss-deadline': 2 } });
    });

    it('refuses a waiting call as soon as its deadline leaves no more', async () => {
      const clock = virtualClock();
      const { policy, permit } = full({ minRunMs: 30, clock });
      const waiting = call(policy, [], 'waiting', within(clock, 100));

      await clock.advance(69);
      expect(waiting().status).toBe('pending');
      await clock.advance(1);
      expect(waiting()).toMatchObject({ error: { reason: 'would-miss-deadline' } });
      permit.release();
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0, rejected: 1 });
      expect(clock.pendingCount).toBe(0);
    });
  });

  describe('order adaptive-lifo', () => {
    it('is first come, first served while the queue is not standing, and then last come', async () => {
      const clock = virtualClock();
      const { policy, permit } = full({ maxQueued: 9, order: 'adaptive-lifo', standingAfterMs: 100, clock });
      const log: string[] = [];
      const start = (id: string) => observe(policy.execute(() => (log.push(id), after(clock, 30, id))));
      for (const id of ['a', 'b', 'c', 'd', 'e']) start(id);

      await clock.advance(40);
      permit.release(); // a at 40, b at 70, c at 100: not for longer than 100 yet; then the newest
      await clock.advance(200);

      expect(log).toEqual(['a', 'b', 'c', 'e', 'd']);
    });

    it('begins anew when the queue has been empty', async () => {
      const clock = virtualClock();
      const { policy, permit } = full({ maxQueued: 9, order: 'adaptive-lifo', standingAfterMs: 100, clock });
      const log: string[] = [];
      call(policy, log, 'early');
      await clock.advance(500);
      permit.release();
      const next = policy.tryAcquire();
      for (const id of ['a', 'b']) call(policy, log, id);

      await clock.advance(100);
      next?.release();

      expect(log).toEqual(['early', 'a', 'b']);
    });

    it('gives up the one that would start last: the newest, and in a standing queue the oldest', async () => {
      const clock = virtualClock();
      const standing = { order: 'adaptive-lifo', standingAfterMs: 100, clock, priorityOf } as const;
      const evictedAfter = async (ms: number): Promise<string[]> => {
        const { policy } = full({ maxQueued: 3, ...standing });
        const calls = ['a', 'b', 'c'].map((id) => [id, call(policy, [], id)] as const);
        await clock.advance(ms);
        call(policy, [], 'high', withPriority(1));
        await settle();
        return calls.filter(([, one]) => one().status === 'rejected').map(([id]) => id);
      };

      expect([await evictedAfter(100), await evictedAfter(101)]).toEqual([['c'], ['a']]);
    });
  });

  describe('priorityOf', () => {
    it('starts higher ones first, and the same in the order in which they came', () => {
      const { policy, permit } = full({ maxQueued: 9, priorityOf });
      const log: string[] = [];
      for (const [id, priority] of Object.entries({ low: 0, high: 9, middle: 4, low2: 0, high2: 9 }))
        call(policy, log, id, withPriority(priority));

      permit.release();

      expect(log).toEqual(['high', 'high2', 'middle', 'low', 'low2']);
    });

    it('evicts nobody for a call that does not come to wait', async () => {
      const { policy, permit } = full({ maxQueued: 1, priorityOf });
      const log: string[] = [];
      const low = call(policy, log, 'low');
      const gone = call(policy, log, 'gone', endingWhenWatched(withPriority(5)));
      await settle();

      expect([gone(), low().status]).toEqual([{ status: 'rejected', error: 'gone' }, 'pending']);
      expect(policy.snapshot()).toMatchObject({ queued: 1, peakQueued: 1, rejected: 0 });
      permit.release();
      await settle();
      expect(log).toEqual(['low']);
    });

    it('lets no more calls wait than may, whatever a signal calls while it is listened to', async () => {
      const { policy, permit } = full({ maxQueued: 1, priorityOf });
      const log: string[] = [];
      const nested: ReturnType<typeof observe>[] = [];
      const outer = call(
        policy,
        log,
        'outer',
        withPriority(1).withSignal(signalThat(() => nested.push(call(policy, log, 'inner', withPriority(1))))),
      );
      await settle();

      expect(outer()).toMatchObject({ error: { reason: 'queue-full' } });
      expect(policy.snapshot()).toMatchObject({
        queued: 1,
        peakQueued: 1,
        rejections: { 'queue-full': 1, evicted: 0 },
      });
      permit.release();
      await settle();
      expect([nested[0]?.().status, log]).toEqual(['fulfilled', ['inner']]);
    });

    it('does not give up a call for which there is room again when its signal has been listened to', async () => {
      const { policy, permit } = full({ maxQueued: 1, priorityOf });
      const log: string[] = [];
      const low = call(policy, log, 'low', withPriority(1));
      const signal = signalThat(() => permit.release());
      const high = call(policy, log, 'high', withPriority(2).withSignal(signal));
      await settle();

      expect([low().status, high().status, log]).toEqual(['fulfilled', 'fulfilled', ['low', 'high']]);
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0, rejected: 0 });
    });

    it('listens to the signal of no call that finds the queue full', async () => {
      const { policy } = full({ maxQueued: 0 });
      let listeners = 0;
      const refused = call(policy, [], 'refused', Context.background.withSignal(signalThat(() => listeners++)));
      await settle();

      expect([refused().status, listeners]).toEqual(['rejected', 0]);
    });

    it('evicts the last of the lowest where the queue is full, if that is lower', async () => {
      const { policy, permit } = full({ name: 'reports', maxQueued: 3, priorityOf });
      const log: string[] = [];
      const [low, low2] = [call(policy, log, 'low', withPriority(1)), call(policy, log, 'low2', withPriority(1))];
      call(policy, log, 'middle', withPriority(5));
      const high = call(policy, log, 'high', withPriority(9));
      const lowest = call(policy, log, 'lowest', withPriority(1));
      await settle();

      expect(low2()).toMatchObject({ error: { code: 'BULKHEAD_FULL', reason: 'evicted', policy: 'reports' } });
      expect(lowest()).toMatchObject({ error: { reason: 'queue-full' } });
      expect([low().status, high().status]).toEqual(['pending', 'pending']);
      expect(policy.snapshot()).toMatchObject({
        queued: 3,
        peakQueued: 3,
        rejections: { evicted: 1, 'queue-full': 1 },
      });
      permit.release();
      expect(log).toEqual(['high', 'middle', 'low']);
    });

    it.each([
      ['throws', () => raise(new Error('boom'))],
      ['answers with a fraction', () => 0.5],
      ['answers out of range', () => 10],
      ['answers with less than 0', () => -1],
      ['is async', () => Promise.reject(new Error('boom')) as unknown as number],
    ])('charter C5: counts as 0, and is reported, where it %s', async (_title, broken) => {
      const { policy, permit } = full({ name: 'reports', priorityOf: broken });
      const waiting = call(policy, [], 'waiting');

      permit.release();
      await settle();

      expect(waiting().status).toBe('fulfilled');
      expect(hookErrors).toMatchObject([{ hook: 'priorityOf', policy: 'reports' }]);
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
    });

    it('may be 0 to 9, and what else it is stands in the report', () => {
      for (const priority of [0, 9, 10]) call(full({ priorityOf: () => priority }).policy, [], 'waiting');

      const message = 'priorityOf must return an integer from 0 to 9, got 10';
      expect(hookErrors.map(({ cause }) => (cause as Error).message)).toEqual([message]);
    });

    it('may give a permit back by itself, and the call that it was asked for takes that', async () => {
      const permits: (BulkheadPermit | undefined)[] = [];
      const policy = bulkhead({ maxConcurrent: 1, maxQueued: 1, priorityOf: () => (permits[0]?.release(), 1) });
      permits.push(policy.tryAcquire());

      await expect(policy.execute(() => 'ran')).resolves.toBe('ran');
    });
  });

  describe('charter R3: the async context', () => {
    const storage = new AsyncLocalStorage<string>();
    const captureAsyncContext = (): (<R>(fn: () => R) => R) => AsyncLocalStorage.snapshot();

    it('of a call that waited is its own: in the operation, after awaits, in a fallback, and where it is refused', async () => {
      const clock = virtualClock();
      const seen: Record<string, unknown> = {};
      const { policy, permit } = full({ maxWaitMs: 50, captureAsyncContext, clock });
      const guarded = pipeline(fallback({ substitute: () => (seen['refused'] = storage.getStore()) }), policy);
      const inside = pipeline(policy, fallback({ substitute: () => (seen['inside'] = storage.getStore()) }));
      const operation = async (): Promise<void> => {
        seen['operation'] = storage.getStore();
        await Promise.resolve();
        seen['later'] = storage.getStore();
      };
      storage.run('a', () => observe(policy.execute(operation)));
      storage.run('b', () => observe(inside.execute(() => raise(new Error('boom')))));
      storage.run('holder', () => permit.release());
      await settle();
      const again = policy.tryAcquire();
      storage.run('c', () => observe(guarded.execute(never)));
      await clock.advance(50);
      again?.release();

      expect(seen).toEqual({ operation: 'a', later: 'a', inside: 'b', refused: 'c' });
    });

    it('is that of whoever ended without the port', async () => {
      const { policy, permit } = full();
      let seen: unknown;
      storage.run('a', () => observe(policy.execute(() => (seen = storage.getStore()))));

      storage.run('holder', () => permit.release());

      expect(seen).toBe('holder');
    });
  });

  it('say in the error why there was none', async () => {
    const clock = virtualClock();
    const { policy } = full({ name: 'reports', maxQueued: 1, maxWaitMs: 50, minRunMs: 10, priorityOf, clock });
    const hurried = Context.withClock(clock).withTimeout(9);
    const calls = [call(policy, [], 'evicted'), call(policy, [], 'waited out', withPriority(1))];
    calls.push(call(policy, [], 'refused'), call(policy, [], 'too late', hurried));
    await clock.advance(50);

    expect(calls.map((one) => (one() as { error?: Error }).error?.message)).toEqual([
      'reports is full, and gave the place in the queue to a call of higher priority',
      'reports had no permit for as long as a call may wait',
      'reports is full: 1 running, 1 waiting',
      'reports has no permit in time: the deadline leaves less than the call needs',
    ]);
    expect(policy.snapshot()).toMatchObject({ rejected: 4, peakQueued: 1 });
  });

  it('that are asked for by hand, and that there are not, are told as refused calls are', () => {
    const clock = virtualClock();
    const events = createEvents();
    const recorder = recordEvents(events);
    const { policy } = full({ minRunMs: 10, clock, events });

    expect([policy.tryAcquire(), policy.tryAcquire(Context.withClock(clock).withTimeout(9))]).toEqual([
      undefined,
      undefined,
    ]);
    expect(recorder.events).toMatchObject([
      { reason: 'queue-full', enforcement: 'enforce' },
      { reason: 'would-miss-deadline', enforcement: 'enforce' },
    ]);
  });

  it('are not asked for by a call whose context a layer further out has ended', async () => {
    const { policy } = full({ maxQueued: 0 });
    const ending = {
      execute: (operation: (context: Context) => unknown, context = Context.background) => {
        const child = context.withCancel();
        child.cancel('gone');
        return Promise.resolve(operation(child));
      },
    };

    const outcome = await settled(pipeline(ending as never, policy).execute(never));

    expect(outcome).toEqual({ status: 'rejected', error: 'gone' });
    expect(policy.snapshot()).toMatchObject({ rejected: 0, admitted: 1 });
  });

  it('remember the most that waited when fewer do', async () => {
    const { policy, permit } = full();
    for (const id of ['a', 'b', 'c']) call(policy, [], id);
    permit.release();
    policy.tryAcquire();
    call(policy, [], 'd');

    expect(policy.snapshot()).toMatchObject({ queued: 1, peakQueued: 3 });
  });

  it('are described as they are now', () => {
    const policy = bulkhead({ name: 'reports', maxConcurrent: 3 });
    const options = { maxConcurrent: 3, maxQueued: 0, minRunMs: 0, order: 'fifo', standingAfterMs: 100 };
    const common = { kind: 'bulkhead', name: 'reports', enforcement: 'enforce' };
    expect(policy.describe()).toEqual({ ...common, options, traits: { maxWaitMs: 0, isShared: true } });

    policy.update({ maxQueued: 5, maxWaitMs: 40, priorityOf });
    const changed = { ...options, maxQueued: 5, maxWaitMs: 40, priorityOf: '[function]' };
    expect(policy.describe()).toEqual({ ...common, options: changed, traits: { maxWaitMs: 40, isShared: true } });
    policy.update({ enforcement: 'observe' });
    expect(policy.describe()).toMatchObject({ enforcement: 'observe', traits: { maxWaitMs: 0 } });
  });

  it('can be made by configuration', () => {
    const made = bulkheadKind.create({ name: 'reports', maxConcurrent: 3 } as never);

    expect([made.kind, made.name]).toEqual([bulkheadKind.kind, 'reports']);
    expect(Object.keys(bulkheadKind.rules)).toEqual(
      expect.arrayContaining(Object.keys(bulkheadKind.defaults ?? {}).filter((option) => option !== 'clock')),
    );
    expect(bulkheadKind.required).toEqual([]);
  });
});

function raise(error: Error): never {
  throw error;
}
