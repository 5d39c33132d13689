import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import type { Sink } from '../../kernel/handler.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { type Arrival, WaitingLine } from './waiting-line.ts';

function arrivalOf(context: Context, log: unknown[]): Arrival {
  const note = (outcome: unknown): void => void log.push(outcome);
  const sink: Sink = { resolve: note, reject: note, refuse: note };
  return { inner: () => {}, operation: () => {}, context, sink };
}

describe('waiting line', () => {
  it('(1) hands calls out in the order in which they joined', () => {
    const line = new WaitingLine(virtualClock(), () => {});
    const arrivals = [1, 2, 3].map(() => arrivalOf(Context.background.withCancel(), []));
    for (const arrival of arrivals) expect(line.join(arrival)).toBe(true);

    expect([line.shift(), line.shift(), line.shift(), line.shift()]).toEqual([...arrivals, undefined]);
    expect(line.length).toBe(0);
  });

  it('(2) refuses a call whose context ends, once, and never hands it out', () => {
    const line = new WaitingLine(virtualClock(), () => {});
    const log: unknown[] = [];
    const context = Context.background.withCancel();
    const next = arrivalOf(Context.background, log);
    line.join(arrivalOf(context, log));
    line.join(next);

    context.cancel('enough');
    context.cancel('again');

    expect(log).toEqual(['enough']);
    expect(line.length).toBe(1);
    expect(line.shift()).toBe(next);
    expect(line.join(arrivalOf(context, log))).toBe(false);
  });

  it('(2) finds out about a deadline that has just passed, and hands that call out no more', async () => {
    const clock = virtualClock();
    const line = new WaitingLine(clock, () => {});
    const log: unknown[] = [];
    const context = Context.withClock(clock).withTimeout(10);
    let shifted: unknown = 'nothing';
    clock.setTimer(() => (shifted = line.shift()), 10);
    line.join(arrivalOf(context, log));

    await clock.advance(10);

    expect(shifted).toBeUndefined();
    expect(log).toEqual([context.cause]);
    expect(line.length).toBe(0);
  });

  it('tells nobody who was handed out', () => {
    const line = new WaitingLine(virtualClock(), () => {});
    const log: unknown[] = [];
    const context = Context.background.withCancel();
    line.join(arrivalOf(context, log));
    line.shift();

    context.cancel('enough');

    expect(log).toEqual([]);
  });

  it('(3) has one timer while somebody waits', async () => {
    const clock = virtualClock();
    let turns = 0;
    const line = new WaitingLine(clock, () => turns++);
    const context = Context.background.withCancel();

    line.wakeAfter(10);
    expect(clock.pendingCount).toBe(0);
    line.join(arrivalOf(context, []));
    line.wakeAfter(10);
    line.wakeAfter(5);
    expect(clock.pendingCount).toBe(1);
    await clock.advance(10);
    expect(turns).toBe(1);
    line.wakeAfter(10);
    context.cancel();
    expect(clock.pendingCount).toBe(0);
  });
});
