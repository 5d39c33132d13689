import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type VirtualClock, virtualClock } from '../testing/virtual-clock.ts';
import { CancelledError, DeadlineExceededError, isCancelled, isTimeout } from './cancellation.ts';
import { Context, contextKey, isContext } from './context.ts';
import type { HookError } from './errors.ts';
import { onHookError } from './hooks.ts';

/** The facts about Go's package context, by their numbers in the list that these tests follow. */
describe('context, as in Go', () => {
  let clock: VirtualClock;
  let root: Context;

  beforeEach(() => {
    clock = virtualClock(1000);
    root = Context.withClock(clock);
  });

  describe('roots', () => {
    it('B1: background never ends, has no deadline and no values', () => {
      const { background } = Context;

      expect(background).toBe(Context.background);
      expect([background.cancelled, background.cause, background.deadline]).toEqual([false, undefined, Infinity]);
      expect(background.remainingMs()).toBe(Infinity);
      expect(background.value(contextKey('any'))).toBeUndefined();
      expect(background.signal.aborted).toBe(false);
    });

    it('B2: children that are not watched register nowhere', () => {
      for (let index = 0; index < 100; index++) void Context.background.withCancel().signal;

      expect(getEventListeners(Context.background.signal, 'abort')).toHaveLength(0);
    });
  });

  describe('cancel', () => {
    it('B4: is seen by the context and all derived from it when cancel returns', () => {
      const context = root.withCancel();
      const derived = [context.withValue(contextKey('k'), 1), context.withCancel(), context.withTimeout(5)];
      const all = [context, ...derived];
      expect(all.map(({ cancelled }) => cancelled)).toEqual([false, false, false, false]);
      const signals = all.map(({ signal }) => signal);

      context.cancel();

      expect(all.every(({ cause }) => cause === context.cause && isCancelled(cause))).toBe(true);
      expect(signals.every(({ aborted, reason }) => aborted && reason === context.cause)).toBe(true);
    });

    it('B5: the first call wins, for ever', () => {
      const context = root.withCancel();
      const first = new Error('first');

      context.cancel(first);
      context.cancel(new Error('second'));

      expect(context.cause).toBe(first);
    });

    it('B6: reaches children through values and deadlines, and lets go of their timers', () => {
      const context = root.withCancel();
      const seen: unknown[] = [];
      const child = context.withCancel();
      const timed = context.withValue(contextKey('k'), 1).withTimeout(500);
      child.onCancel((cause) => seen.push(cause));
      timed.onCancel((cause) => seen.push(cause));
      expect(clock.pendingCount).toBe(1);

      context.cancel('stop');

      expect(seen).toEqual(['stop', 'stop']);
      expect(clock.pendingCount).toBe(0);
    });

    it('B7: a context derived from an ended one has ended, with its cause', () => {
      const context = root.withCancel();
      context.cancel('stop');
      const derived = [context.withCancel(), context.withTimeout(5), context.withValue(contextKey('k'), 1)];

      expect(derived.map(({ cause }) => cause)).toEqual(['stop', 'stop', 'stop']);
      expect(derived.every(({ signal }) => signal.aborted && signal.reason === 'stop')).toBe(true);
    });

    it('B8: of a child leaves the parent and the siblings alone', () => {
      const context = root.withCancel();
      const [child, sibling] = [context.withCancel(), context.withTimeout(50)];

      child.cancel();

      expect([context.cancelled, sibling.cancelled, child.cancelled]).toEqual([false, false, true]);
    });

    it('B9: from inside a notification, of anything, does no harm', () => {
      const context = root.withCancel();
      const seen: string[] = [];
      const [first, second] = [context.withCancel(), context.withCancel()];
      first.onCancel(() => {
        seen.push('first');
        second.cancel('by first');
        context.cancel('again');
        const late = context.withCancel();
        late.onCancel(() => seen.push('late'));
        late[Symbol.dispose]();
      });
      second.onCancel((cause) => seen.push(`second: ${String(cause)}`));

      context.cancel('stop');

      expect(seen).toEqual(['first', 'second: stop', 'late']);
    });

    it('with `using`, happens when the block is left', () => {
      let context: Context | undefined;
      {
        using scoped = root.withCancel();
        context = scoped;
        expect(context.cancelled).toBe(false);
      }
      expect(isCancelled(context.cause)).toBe(true);
    });

    it('charter G4: keeps any cause by identity, and makes one of null or undefined', () => {
      for (const cause of [0, '', false, Number.NaN, { any: 'thing' }]) {
        const context = root.withCancel();
        context.cancel(cause);
        expect(context.cause).toBe(cause);
        expect(context.signal.reason).toBe(cause);
      }
      for (const cause of [null, undefined]) {
        const context = root.withCancel();
        context.cancel(cause);
        expect(context.cause).toBeInstanceOf(CancelledError);
      }
    });
  });

  describe('deadline', () => {
    it('B12, B19: is the earlier of the parent’s and the own, and inherited', () => {
      const context = root.withTimeout(100);

      expect(context.deadline).toBe(1100);
      expect(context.withTimeout(200).deadline).toBe(1100);
      expect(context.withTimeout(50).deadline).toBe(1050);
      expect(context.withCancel().deadline).toBe(1100);
      expect(context.withValue(contextKey('k'), 1).deadline).toBe(1100);
      expect(root.withCancel().deadline).toBe(Infinity);
    });

    it.each([0, -1, -Infinity])('B14: of %d ms has passed at once', (ms) => {
      const context = root.withTimeout(ms);

      expect(context.cancelled).toBe(true);
      expect(context.cause).toBeInstanceOf(DeadlineExceededError);
      expect(context.signal.aborted).toBe(true);
      expect(context.remainingMs()).toBe(0);
    });

    it('B15: fires at its instant, neither before nor after, also through a longer one of a child', async () => {
      const context = root.withTimeout(100);
      const child = context.withTimeout(500);
      const seen: number[] = [];
      context.onCancel(() => seen.push(clock.now()));
      child.onCancel(() => seen.push(clock.now()));

      await clock.advance(99);
      expect(seen).toEqual([]);
      await clock.advance(1);
      expect(seen).toEqual([1100, 1100]);
      expect(child.cause).toBe(context.cause);
    });

    it('is seen without any timer by who asks', async () => {
      const context = root.withTimeout(100).withCancel();

      await clock.advance(100);

      expect(clock.pendingCount).toBe(0);
      expect(context.cancelled).toBe(true);
    });

    it('B16: does not come after a cancel, and leaves no timer', async () => {
      const context = root.withTimeout(100);
      void context.signal;
      context.cancel();
      expect(clock.pendingCount).toBe(0);

      await clock.advance(200);

      expect(isCancelled(context.cause)).toBe(true);
    });

    it('B17: once passed, stays the cause', async () => {
      const context = root.withTimeout(100);
      await clock.advance(100);

      context.cancel('later');

      expect(isTimeout(context.cause)).toBe(true);
    });

    it('B18: withTimeout(d) is withDeadline(now + d), for very long times too', async () => {
      const hours = 1000 * 3_600_000;
      const context = root.withTimeout(hours);
      let ended = false;
      context.onCancel(() => (ended = true));

      expect(context.deadline).toBe(root.withDeadline(1000 + hours).deadline);
      await clock.advance(hours - 1);
      expect(ended).toBe(false);
      await clock.advance(1);
      expect(ended).toBe(true);
    });

    it('B20: has a cause by the platform’s name', async () => {
      const context = root.withTimeout(0);

      expect(context.cause).toMatchObject({ name: 'TimeoutError', code: 'DEADLINE_EXCEEDED' });
      const cancelled = root.withCancel();
      cancelled.cancel();
      expect(cancelled.cause).toMatchObject({ name: 'AbortError', code: 'CANCELLED' });
    });

    it('is refused unless it is a number', () => {
      expect(() => root.withTimeout(Number.NaN)).toThrow(TypeError);
      expect(() => root.withDeadline('soon' as unknown as number)).toThrow('withDeadline needs a number, got soon');
    });

    it('of Infinity is none', () => {
      expect(root.withTimeout(Infinity).deadline).toBe(Infinity);
      expect(root.withTimeout(50).withTimeout(Infinity).deadline).toBe(1050);
    });
  });

  describe('values', () => {
    const name = contextKey<string>('name');
    const other = contextKey<string>('name');

    it('B21: keys are equal only to themselves, the nearest wins, undefined hides', () => {
      const context = root.withValue(name, 'outer').withCancel().withValue(other, 'other').withValue(name, 'inner');

      expect([context.value(name), context.value(other)]).toEqual(['inner', 'other']);
      expect(context.withValue(name, undefined as unknown as string).value(name)).toBeUndefined();
      expect(root.value(name)).toBeUndefined();
    });

    it('B10: are readable through any number of layers, before and after the end', () => {
      let context = root.withValue(name, 'deep');
      for (let layer = 0; layer < 50; layer++) {
        context = layer % 3 === 0 ? context.withCancel() : context.withTimeout(1000 - layer);
        context = context.withValue(contextKey<number>(`k${layer}`), layer);
      }
      const end = context.withCancel();

      expect(end.value(name)).toBe('deep');
      end.cancel();
      expect(end.value(name)).toBe('deep');
    });

    it('B24: need a key', () => {
      expect(() => root.withValue(null as never, 1)).toThrow(TypeError);
      expect(() => root.withValue('name' as never, 1)).toThrow('withValue needs a key made by contextKey()');
    });
  });

  describe('withoutCancel', () => {
    it('B29: keeps the values only', () => {
      const key = contextKey<number>('k');
      const parent = root.withValue(key, 7).withTimeout(10);
      const free = parent.withoutCancel();
      parent.cancel('stop');

      expect([free.cancelled, free.cause, free.deadline, free.value(key)]).toEqual([false, undefined, Infinity, 7]);
      expect(free.withTimeout(5).deadline).toBe(1005);
    });
  });

  describe('onCancel', () => {
    let hookErrors: HookError[];

    beforeEach(() => {
      hookErrors = [];
      onHookError((error) => hookErrors.push(error));
    });
    afterEach(() => void onHookError(undefined));

    it('B30: runs on cancel, on the deadline, and at once when it is over already', async () => {
      const seen: unknown[] = [];
      const [cancelled, timed] = [root.withCancel(), root.withTimeout(10)];
      cancelled.onCancel((cause) => seen.push(cause));
      timed.onCancel((cause) => seen.push(cause));

      cancelled.cancel('stop');
      await clock.advance(10);
      cancelled.onCancel((cause) => seen.push(cause));

      expect(seen).toEqual(['stop', timed.cause, 'stop']);
    });

    it('B30: is unhooked by what it returns, which tells whether that was in time', () => {
      const context = root.withCancel();
      let runs = 0;
      const [stop, late] = [context.onCancel(() => runs++), context.onCancel(() => runs++)];

      expect([stop(), stop()]).toEqual([true, false]);
      context.cancel();
      expect(late()).toBe(false);
      expect(runs).toBe(1);
    });

    it('charter C3: reports what a listener throws, and goes on with the next', () => {
      const context = root.withCancel();
      const cause = new Error('bad listener');
      let told = false;
      context.onCancel(() => {
        throw cause;
      });
      context.onCancel(() => (told = true));

      expect(() => context.cancel()).not.toThrow();
      expect(told).toBe(true);
      expect(hookErrors).toMatchObject([{ hook: 'onCancel', cause }]);
    });
  });

  describe('of a foreign signal', () => {
    it('B31: follows it, with its reason, and listens only while somebody watches', () => {
      const controller = new AbortController();
      const context = Context.from(controller.signal);
      const count = (): number => getEventListeners(controller.signal, 'abort').length;
      expect(count()).toBe(0);

      const stops = [context.onCancel(() => {}), context.withCancel().onCancel(() => {})];
      expect(count()).toBe(1);
      for (const stop of stops) stop();
      expect(count()).toBe(0);

      const seen: unknown[] = [];
      context.onCancel((cause) => seen.push(cause));
      controller.abort('gone');
      expect(seen).toEqual(['gone']);
      expect(context.cause).toBe('gone');
      expect(count()).toBe(0);
    });

    it('B28: takes any implementation, and never touches it', () => {
      let listener: (() => void) | undefined;
      const foreign = {
        aborted: false,
        reason: undefined as unknown,
        addEventListener: (_type: 'abort', added: () => void) => (listener = added),
        removeEventListener: () => (listener = undefined),
      };
      const context = Context.from(foreign);
      const child = context.withCancel();
      child.onCancel(() => {});
      child.cancel();
      expect(listener).toBeUndefined();
      expect(foreign.aborted).toBe(false);

      const seen: unknown[] = [];
      context.onCancel((cause) => seen.push(cause));
      foreign.aborted = true;
      listener?.();
      expect(seen[0]).toBeInstanceOf(CancelledError);
    });

    it('charter A3: keeps no listener for who only read the signal', () => {
      const controller = new AbortController();
      for (let call = 0; call < 100; call++) expect(Context.from(controller.signal).signal.aborted).toBe(false);

      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    });

    // Known: each context listens by itself. Node warns from the eleventh on: MaxListenersExceededWarning.
    it('charter A3: listens once to a signal, however many contexts of it are watched', () => {
      const controller = new AbortController();
      const stops = Array.from({ length: 10 }, () => Context.from(controller.signal).onCancel(() => {}));
      const { length } = getEventListeners(controller.signal, 'abort');
      for (const stop of stops) stop();

      expect(length).toBe(1);
    });

    it('charter A3: gives a signal that aborts with it, by the same reason, whenever it is read', () => {
      const controller = new AbortController();
      const context = Context.from(controller.signal);
      const { signal } = context.withCancel();

      controller.abort('gone');

      expect([signal.aborted, signal.reason, context.signal.reason]).toEqual([true, 'gone', 'gone']);
    });

    it('that has aborted has ended at once', () => {
      const context = Context.from(AbortSignal.abort('gone'));

      expect([context.cancelled, context.cause, context.signal.reason]).toEqual([true, 'gone', 'gone']);
      expect(() => context.throwIfCancelled()).toThrow('gone');
    });
  });

  it('is known by isContext, and nothing else is', () => {
    expect([root, root.withCancel(), root.withoutCancel()].every(isContext)).toBe(true);
    expect([null, undefined, {}, new AbortController().signal].some(isContext)).toBe(false);
  });
});
