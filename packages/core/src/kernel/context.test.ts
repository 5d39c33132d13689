import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type VirtualClock, virtualClock } from '../testing/virtual-clock.ts';
import { CancelledError, isCancelled } from './cancellation.ts';
import { Context, isContext } from './context.ts';
import type { HookError } from './errors.ts';
import { onHookError } from './hooks.ts';

/** What Go's package context says too is in `context.conformance.test.ts`. */
describe('context', () => {
  let clock: VirtualClock;
  let root: Context;

  beforeEach(() => {
    clock = virtualClock(1000);
    root = Context.withClock(clock);
  });

  describe('cancel', () => {
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
    it('is seen without any timer by who asks', async () => {
      const context = root.withTimeout(100).withCancel();

      await clock.advance(100);

      expect(clock.pendingCount).toBe(0);
      expect(context.cancelled).toBe(true);
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

  describe('onCancel', () => {
    let hookErrors: HookError[];

    beforeEach(() => {
      hookErrors = [];
      onHookError((error) => hookErrors.push(error));
    });
    afterEach(() => void onHookError(undefined));

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
    it('charter I3: takes any implementation, and never touches it', () => {
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

  it('takes deadlines on its clock, and notices those of a Date', () => {
    const context = Context.withClock(virtualClock(1000));
    const hundredYearsMs = 100 * 365.25 * 24 * 3_600_000;

    expect(context.withDeadline(2000).deadline).toBe(2000);
    expect(context.withDeadline(Infinity).deadline).toBe(Infinity);
    expect(context.withTimeout(Infinity).deadline).toBe(Infinity);
    expect(() => context.withDeadline(1000 + hundredYearsMs)).toThrow(
      new RangeError(
        'withDeadline takes an instant of the clock, as `deadline` gives it, not of a Date; or use withTimeout',
      ),
    );
    for (const ms of [hundredYearsMs, Date.now(), Number.MAX_SAFE_INTEGER]) {
      expect(() => context.withTimeout(ms)).toThrow(
        new RangeError('withTimeout takes milliseconds from now, not the time of a Date; Infinity is no deadline'),
      );
    }
    expect(() => context.withDeadline(Number.NaN)).toThrow('withDeadline');
    expect(() => context.withTimeout(Number.NaN)).toThrow('withTimeout');
  });

  it('has one cause of a plain cancel, whoever asks first, also where nobody watched', () => {
    const parent = Context.background.withCancel();
    const [child, other] = [parent.withCancel(), parent.withTimeout(1000)];
    parent.cancel();

    const causes = [child.cause, parent.cause, other.signal.reason, parent.signal.reason, parent.withCancel().cause];
    expect(isCancelled(causes[0])).toBe(true);
    expect(new Set(causes).size).toBe(1);
  });
});
