import { describe, expect, it, vi } from 'vitest';

import { defuseOverflow, incomingLeftMs } from './incoming-deadline.ts';

const call = (deadline: number | Date) => ({ getDeadline: () => deadline });

describe('an incoming deadline', { timeout: 60_000 }, () => {
  it.each<[deadline: number | Date, leftMs: number]>([
    [Infinity, Infinity],
    [1500, 500],
    [new Date(1500), 500],
    [1000, 0],
    [900, -100],
    [1000 - 1_702_967_296, Infinity],
    [NaN, Infinity],
  ])('is read: %s', (deadline, leftMs) => {
    expect(incomingLeftMs(call(deadline), 1000)).toBe(leftMs);
  });

  it('(1): does not end a call by overflowing', () => {
    vi.useFakeTimers();
    const onTimer = vi.fn<() => void>();
    const base = {
      deadline: -1_702_967_296 as number,
      deadlineTimer: setTimeout(onTimer, 1),
      getDeadline: () => base.deadline,
    };
    const outer = { nextCall: { nextCall: base }, getDeadline: () => base.deadline };

    defuseOverflow(outer, 1000);
    vi.advanceTimersByTime(1000);

    expect(onTimer).not.toHaveBeenCalled();
    expect(base.deadline).toBe(Infinity);
    vi.useRealTimers();
  });

  it('(1): leaves the timers of all other calls alone, and bears calls of another shape', () => {
    vi.useFakeTimers();
    const onTimer = vi.fn<() => void>();
    const base = { deadline: 1500, deadlineTimer: setTimeout(onTimer, 500), getDeadline: () => 1500 };
    defuseOverflow(base, 1000);
    const looped = { nextCall: undefined as unknown, getDeadline: () => -1e12 };
    looped.nextCall = looped;
    defuseOverflow(looped, 1000);
    vi.advanceTimersByTime(500);

    expect(onTimer).toHaveBeenCalledOnce();
    vi.useRealTimers();
  });
});
