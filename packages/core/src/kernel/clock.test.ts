import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Timer, UNREAD, readOnce, systemClock } from './clock.ts';

/** These tests alone wait for real time, and no longer than they must. */
describe('systemClock', () => {
  it('(1) never goes back', () => {
    let before = systemClock.now();
    for (let index = 0; index < 10_000; index++) {
      const now = systemClock.now();
      expect(now).toBeGreaterThanOrEqual(before);
      before = now;
    }
  });

  it('(2) never fires early, as its own now() tells', async () => {
    const early: number[] = [];
    const waits = Array.from({ length: 200 }, (_, index) => {
      const delayMs = 1 + (index % 20) + index / 200;
      const dueAt = systemClock.now() + delayMs;
      return new Promise<void>((resolve) => {
        systemClock.setTimer(() => {
          if (systemClock.now() < dueAt) early.push(dueAt - systemClock.now());
          resolve();
        }, delayMs);
      });
    });

    await Promise.all(waits);

    expect(early).toEqual([]);
  });

  it('(3) waits in full for delays beyond what the timers of the platform hold', async () => {
    const long: Timer[] = [];
    let fired = false;
    for (const delayMs of [2 ** 31 - 1, 2 ** 31, 3.6e9, Number.MAX_SAFE_INTEGER, Infinity]) {
      long.push(systemClock.setTimer(() => (fired = true), delayMs));
    }

    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const timer of long) timer.cancel();

    expect(fired).toBe(false);
  });

  it('(3) fires after such a delay, by way of several timers of the platform', () => {
    vi.useFakeTimers();
    try {
      let fired = false;
      systemClock.setTimer(() => (fired = true), 2 ** 32);
      vi.advanceTimersByTime(2 ** 32 - 1);
      expect(fired).toBe(false);
      vi.advanceTimersByTime(2);
      expect(fired).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([0, -5])('fires as soon as possible, but not synchronously, after %d ms', async (delayMs) => {
    let fired = false;
    const done = new Promise<void>((resolve) => {
      systemClock.setTimer(() => {
        fired = true;
        resolve();
      }, delayMs);
    });

    expect(fired).toBe(false);
    await done;
  });

  it('does not fire once cancelled, and does not mind being cancelled again', async () => {
    let fired = false;
    const timer = systemClock.setTimer(() => (fired = true), 1);
    timer.cancel();
    timer.cancel();
    timer.ref();
    timer.unref();

    await new Promise((resolve) => setTimeout(resolve, 10));

    expect(fired).toBe(false);
  });

  it('charter B1: keeps the process alive while a timer is set, unless told not to', () => {
    const count = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = count();
    const timer = systemClock.setTimer(() => {}, 60_000);

    expect(count()).toBe(before + 1);
    timer.unref();
    expect(count()).toBe(before);
    timer.ref();
    expect(count()).toBe(before + 1);
    timer.cancel();
    expect(count()).toBe(before);
  });

  it('charter N1: looks the globals up at each call, so that fake timers take effect', () => {
    vi.useFakeTimers();
    try {
      const before = systemClock.now();
      let fired = false;
      systemClock.setTimer(() => (fired = true), 60_000);
      vi.advanceTimersByTime(60_001);
      expect(fired).toBe(true);
      expect(systemClock.now() - before).toBeCloseTo(60_001, 0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('calls back after the turn, and has no such thing where the platform has none', async () => {
    let called = false;
    systemClock.defer?.(() => (called = true));
    expect(called).toBe(false);
    await new Promise<void>((resolve) => systemClock.defer?.(resolve));
    expect(called).toBe(true);

    vi.resetModules();
    vi.stubGlobal('setImmediate', undefined);
    try {
      const { systemClock: bare } = await import('./clock.ts');
      expect('defer' in bare).toBe(false);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  describe('on timers of a platform that tells what is asked of it', () => {
    interface PlatformTimer {
      readonly fire: () => void;
      readonly delayMs: number;
      isReferenced: boolean;
    }
    let set: PlatformTimer[] = [];
    let now = 0;

    beforeEach(() => {
      set = [];
      now = 0;
      vi.stubGlobal('performance', { now: () => now });
      vi.stubGlobal('setTimeout', (fire: () => void, delayMs: number) => {
        const timer = { fire, delayMs, isReferenced: true };
        set.push(timer);
        return {
          ref: () => (timer.isReferenced = true),
          unref: () => (timer.isReferenced = false),
        };
      });
    });
    afterEach(() => void vi.unstubAllGlobals());

    it('(3) stays as it was told to be, referenced or not, from one timer of the platform to the next', () => {
      const timer = systemClock.setTimer(() => {}, 2 ** 33);
      timer.unref();
      set[0]?.fire();
      expect(set.map(({ isReferenced }) => isReferenced)).toEqual([false, false]);

      timer.ref();
      set[1]?.fire();
      expect(set.map(({ isReferenced }) => isReferenced)).toEqual([false, true, true]);
    });

    it('(2) fires when its time has come to the instant, and waits for the rest before', () => {
      let fired = 0;
      systemClock.setTimer(() => fired++, 10);

      now = 9.5;
      set[0]?.fire();
      expect([fired, set.length, set[1]?.delayMs]).toEqual([0, 2, 1]);
      now = 10;
      set[1]?.fire();
      expect([fired, set.length]).toEqual([1, 2]);
    });

    it('sets nothing for what never comes', () => {
      systemClock.setTimer(() => {}, Infinity).unref();

      expect(set).toEqual([]);
    });

    it.each([
      ['numbers', 7],
      ['objects without methods', {}],
    ])('takes timers that are %s, as other platforms have', (_what, platformTimer) => {
      vi.stubGlobal('setTimeout', () => platformTimer);
      const timer = systemClock.setTimer(() => {}, 10);

      expect(() => {
        timer.unref();
        timer.ref();
      }).not.toThrow();
    });
  });
});

describe('readOnce', () => {
  it('reads the clock only where nobody has', () => {
    expect(readOnce({ ...systemClock, now: () => 7 }, UNREAD)).toBe(7);
    expect(readOnce({ ...systemClock, now: () => 7 }, 3)).toBe(3);
  });
});
