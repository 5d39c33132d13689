import { AsyncLocalStorage } from 'node:async_hooks';

import { describe, expect, it } from 'vitest';

import { type VirtualClock, virtualClock } from '../testing/virtual-clock.ts';
import { Context } from './context.ts';
import type { Arrival, Sink } from './handler.ts';
import { type WaitTerms, type WaitingCall, WaitingCalls, type WaitingCallsParts } from './waiting-calls.ts';

function arrivalOf(context: Context, log: unknown[] = []): Arrival {
  const note = (outcome: unknown): void => void log.push(outcome);
  const sink: Sink = { resolve: note, reject: note, refuse: note };
  return { inner: (operation) => void log.push(operation(context)), operation: () => 'ran', context, sink };
}

function queueOf(parts: Partial<WaitingCallsParts> = {}): WaitingCalls {
  const given = { name: 'queue', clock: virtualClock(), captureAsyncContext: undefined, onTurn: () => {} };
  return new WaitingCalls({ ...given, ...parts });
}

function terms(joinedAt: number, more: Partial<WaitTerms> = {}): WaitTerms {
  return { joinedAt, level: 0, cost: 1, minRunMs: 0, ...more };
}

/** Joins one call per level, and returns the arrivals. */
function joinAll(queue: WaitingCalls, levels: readonly number[]): Arrival[] {
  return levels.map((level, index) => {
    const arrival = arrivalOf(Context.background.withCancel());
    expect(queue.join(arrival, terms(index, { level }))?.arrival).toBe(arrival);
    return arrival;
  });
}

const arrivals = (calls: readonly (WaitingCall | undefined)[]) => calls.map((call) => call?.arrival);

describe('waiting calls', () => {
  it('(1) are handed out in the order in which they joined, or the last of them first, as asked', () => {
    const queue = queueOf();
    const [one, two, three, four] = joinAll(queue, [0, 0, 0, 0]);

    const taken = (['oldest', 'newest', 'oldest', 'newest', 'oldest'] as const).map((which) => queue.take(which));

    expect(arrivals(taken)).toEqual([one, four, two, three, undefined]);
    expect([queue.length, queue.totalCost]).toEqual([0, 0]);
  });

  it('(1) are handed out by level, the highest first, and from below, the lowest first', () => {
    const queue = queueOf();
    const [low, high, middle, low2, high2] = joinAll(queue, [0, 9, 4, 0, 9]);

    expect([0, 1, 9].map((level) => queue.hasBelow(level))).toEqual([false, true, true]);
    expect(queue.takeBelow(0, 'newest')).toBeUndefined();
    expect(queue.takeBelow(4, 'newest')?.arrival).toBe(low2);
    expect(queue.oldest()?.arrival).toBe(low);
    expect(arrivals([queue.take('oldest'), queue.take('oldest'), queue.take('oldest')])).toEqual([high, high2, middle]);
    expect(queue.takeBelow(9, 'oldest')?.arrival).toBe(low);
    expect(queue.takeBelow(9, 'oldest')).toBeUndefined();
  });

  it('(2) leave when their context ends, are refused once, and never handed out', () => {
    let left = 0;
    const queue = queueOf({ onLeft: () => left++ });
    const log: unknown[] = [];
    const context = Context.background.withCancel();
    const next = arrivalOf(Context.background, log);
    queue.join(arrivalOf(context, log), terms(0, { cost: 5 }));
    queue.join(next, terms(1, { cost: 2 }));
    expect([queue.length, queue.totalCost]).toEqual([2, 7]);

    context.cancel('enough');
    context.cancel('again');

    expect(log).toEqual(['enough']);
    expect([queue.length, queue.totalCost, left]).toEqual([1, 2, 1]);
    expect(queue.take('oldest')?.arrival).toBe(next);
    expect(queue.join(arrivalOf(context, log), terms(2))).toBeUndefined();
    expect(queue.length).toBe(0);
  });

  it('(2) are found out about when a deadline has just passed, and handed out no more', async () => {
    const clock = virtualClock();
    const queue = queueOf({ clock });
    const log: unknown[] = [];
    const context = Context.withClock(clock).withTimeout(10);
    let taken: unknown = 'nothing';
    clock.setTimer(() => (taken = queue.take('oldest')), 10);
    queue.join(arrivalOf(context, log), terms(0));

    await clock.advance(10);

    expect(taken).toBeUndefined();
    expect(log).toEqual([context.cause]);
    expect(queue.length).toBe(0);
  });

  it('(2) are told nothing any more once they were handed out', () => {
    const queue = queueOf();
    const log: unknown[] = [];
    const context = Context.background.withCancel();
    queue.join(arrivalOf(context, log), terms(0));
    queue.take('newest');

    context.cancel('enough');

    expect(log).toEqual([]);
  });

  describe('whose deadline leaves less than they need', () => {
    function late(clock: VirtualClock): { late: unknown[]; queue: WaitingCalls } {
      const given: unknown[] = [];
      return { late: given, queue: queueOf({ clock, onTooLate: ({ arrival }) => void given.push(arrival) }) };
    }

    it('are handed over at that very instant, and not refused', async () => {
      const clock = virtualClock();
      const { late: given, queue } = late(clock);
      const log: unknown[] = [];
      const arrival = arrivalOf(Context.withClock(clock).withTimeout(100), log);
      queue.join(arrival, terms(0, { minRunMs: 30 }));

      await clock.advance(69);
      expect([given, queue.length]).toEqual([[], 1]);
      await clock.advance(1);
      expect([given, queue.length]).toEqual([[arrival], 0]);
      await clock.advance(100);
      expect([given, log]).toEqual([[arrival], []]);
      expect(clock.pendingCount).toBe(0);
    });

    it('are refused with the cause where their context ends before', () => {
      const clock = virtualClock();
      const { late: given, queue } = late(clock);
      const log: unknown[] = [];
      const context = Context.withClock(clock).withTimeout(100);
      queue.join(arrivalOf(context, log), terms(0, { minRunMs: 30 }));

      context.cancel('enough');

      expect([given, log, queue.length]).toEqual([[], ['enough'], 0]);
      expect(clock.pendingCount).toBe(0);
    });

    it('do not exist without a deadline', async () => {
      const clock = virtualClock();
      const { late: given, queue } = late(clock);
      queue.join(arrivalOf(Context.withClock(clock)), terms(0, { minRunMs: 30 }));

      await clock.advance(1_000_000);

      expect([given, queue.length, clock.pendingCount]).toEqual([[], 1, 0]);
    });
  });

  it('(3) have one timer, and none when the last has left or was taken', async () => {
    const clock = virtualClock();
    let turns = 0;
    const queue = queueOf({ clock, onTurn: () => turns++ });
    const context = Context.background.withCancel();

    queue.wakeAfter(10);
    expect(clock.pendingCount).toBe(0);
    queue.join(arrivalOf(context), terms(0));
    queue.wakeAfter(10);
    queue.wakeAfter(5);
    expect(clock.pendingCount).toBe(1);
    await clock.advance(10);
    expect(turns).toBe(1);
    queue.wakeAfter(10);
    context.cancel();
    expect(clock.pendingCount).toBe(0);

    queue.join(arrivalOf(Context.background), terms(10));
    queue.wakeAfter(10);
    queue.take('oldest');
    expect(clock.pendingCount).toBe(0);
  });

  it('(4) charter R3: start, and are refused, in the async context in which they joined', () => {
    const storage = new AsyncLocalStorage<string>();
    const queue = queueOf({ captureAsyncContext: () => AsyncLocalStorage.snapshot() });
    const seen: unknown[] = [];
    const note = (): void => void seen.push(storage.getStore());
    const sink: Sink = { resolve: note, reject: note, refuse: note };
    const context = Context.background.withCancel();
    const arrival: Arrival = { inner: note, operation: note, context, sink };
    for (const who of ['a', 'b', 'c']) storage.run(who, () => queue.join(arrival, terms(0)));

    storage.run('somebody else', () => {
      queue.take('oldest')?.start(sink, 0);
      queue.take('oldest')?.runInContext(note);
      context.cancel();
    });

    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('remember until when the queue was empty', () => {
    const queue = queueOf();
    joinAll(queue, [0, 0]);
    expect(queue.emptyUntil).toBe(0);
    queue.take('oldest');
    queue.take('oldest');
    queue.join(arrivalOf(Context.background), terms(7));
    expect(queue.emptyUntil).toBe(7);
  });
});
