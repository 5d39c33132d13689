import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';

import { settle, virtualClock } from './virtual-clock.ts';

describe('virtual clock', () => {
  it('stands still until it is moved', async () => {
    const clock = virtualClock(500);
    await settle();

    expect(clock.now()).toBe(500);
    await clock.advance(10);
    expect(clock.now()).toBe(510);
    await clock.advanceTo(600);
    expect(clock.now()).toBe(600);
  });

  it('(1), (2): fires timers in the order of their due times, then of setting, and shows the due time meanwhile', async () => {
    const delays = fc.array(fc.integer({ min: -5, max: 50 }), { maxLength: 20 });
    const property = fc.asyncProperty(delays, async (plan) => {
      const clock = virtualClock();
      const fired: [number, number][] = [];
      for (const [index, delayMs] of plan.entries()) clock.setTimer(() => fired.push([index, clock.now()]), delayMs);
      expect(clock.pendingCount).toBe(plan.length);
      await clock.advance(50);

      const expected = plan.map((delayMs, index) => [index, Math.max(0, delayMs)] as [number, number]);
      expect(fired).toEqual(expected.toSorted(([one, oneAt], [other, otherAt]) => oneAt - otherAt || one - other));
      expect(clock.pendingCount).toBe(0);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('(3) lets promises settle before and after each timer', async () => {
    const clock = virtualClock();
    const order: string[] = [];
    const chain = async (name: string): Promise<void> => {
      for (let step = 0; step < 20; step++) await Promise.resolve();
      order.push(name);
    };
    void chain('before');
    clock.setTimer(() => void chain('after first'), 10);
    clock.setTimer(() => void chain('after second'), 10);

    await clock.advance(10);

    expect(order).toEqual(['before', 'after first', 'after second']);
  });

  it('fires a timer that a timer set, when it falls due in the same move', async () => {
    const clock = virtualClock();
    const fired: number[] = [];
    clock.setTimer(() => clock.setTimer(() => fired.push(clock.now()), 5), 5);

    await clock.advance(9);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual([10]);
  });

  it('never fires synchronously, nor what was cancelled, nor what is due at Infinity', async () => {
    const clock = virtualClock();
    const fired: string[] = [];
    clock.setTimer(() => fired.push('zero'), 0);
    const timer = clock.setTimer(() => fired.push('cancelled'), 1);
    clock.setTimer(() => fired.push('never'), Infinity);
    timer.cancel();
    expect(fired).toEqual([]);

    await clock.runAll();
    expect(fired).toEqual(['zero']);
    expect(clock.pendingCount).toBe(0);
  });

  it('charter B1: knows which timers would keep a process alive', () => {
    const clock = virtualClock();
    const timer = clock.setTimer(() => {}, 5);
    clock.setTimer(() => {}, 5);

    timer.unref();
    expect([clock.pendingCount, clock.referencedCount]).toEqual([2, 1]);
    timer.ref();
    expect(clock.referencedCount).toBe(2);
  });

  it('never goes back, also when it is moved twice at once', async () => {
    const clock = virtualClock();
    clock.setTimer(() => {}, 8);
    await Promise.all([clock.advance(10), clock.advance(5)]);

    expect(clock.now()).toBe(10);
    await expect(clock.advance(-1)).rejects.toThrow('time moves on only');
    await expect(clock.advance(Number.NaN)).rejects.toThrow(RangeError);
    await expect(clock.advanceTo(9)).rejects.toThrow('time moves on only: it is 10, got 9');
  });

  it('runAll gives up where timers go on for ever', async () => {
    const clock = virtualClock();
    const again = (): unknown => clock.setTimer(again, 1);
    again();

    await expect(clock.runAll(50)).rejects.toThrow('50 timers have fired and more are set');
  });

  it('(3) lets everything settle where the platform has no setImmediate, as browsers have none', async () => {
    vi.resetModules();
    vi.stubGlobal('setImmediate', undefined);
    try {
      const bare = await import('./virtual-clock.ts');
      const clock = bare.virtualClock();
      const order: string[] = [];
      clock.setTimer(() => void Promise.resolve().then(() => order.push('first')), 1);
      clock.setTimer(() => order.push('second'), 1);
      await clock.advance(1);

      expect(order).toEqual(['first', 'second']);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('fires what falls due on the instant, in the order of due times whatever the order of setting', async () => {
    const clock = virtualClock();
    const fired: string[] = [];
    for (const [name, delayMs] of [
      ['late', 30],
      ['early', 10],
      ['same', 10],
      ['middle', 20],
    ] as const)
      clock.setTimer(() => fired.push(name), delayMs);

    await clock.advance(9);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual(['early', 'same']);
    await clock.advanceTo(30);
    expect(fired).toEqual(['early', 'same', 'middle', 'late']);
  });

  it('holds no timer that never comes, and none that was cancelled', async () => {
    const clock = virtualClock();
    clock.setTimer(() => {}, Infinity).cancel();
    clock.setTimer(() => {}, Infinity);
    const timer = clock.setTimer(() => {}, 5);
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 1]);

    timer.unref();
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);
    timer.ref();
    expect(clock.referencedCount).toBe(1);
    timer.cancel();
    expect([clock.pendingCount, clock.referencedCount]).toEqual([0, 0]);
  });

  it('runAll fires as many timers as its limit allows', async () => {
    const clock = virtualClock();
    for (let each = 0; each < 3; each++) clock.setTimer(() => {}, each);

    await expect(clock.runAll(3)).resolves.toBeUndefined();
    for (let each = 0; each < 3; each++) clock.setTimer(() => {}, each);
    await expect(clock.runAll(2)).rejects.toThrow(new RangeError('2 timers have fired and more are set'));
  });

  it('stands still when it is moved by nothing', async () => {
    const clock = virtualClock(10);
    let settled = false;
    void Promise.resolve().then(() => (settled = true));
    await clock.advance(0);
    await clock.advanceTo(10);

    expect([clock.now(), settled]).toEqual([10, true]);
    await expect(clock.advance(-1)).rejects.toThrow('advance needs 0 or more, got -1');
  });
});
