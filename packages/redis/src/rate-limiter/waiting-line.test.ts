import { Context, type Sink } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { WaitingLine } from './waiting-line.ts';

function arrival(context: Context) {
  const refuse = vi.fn<Sink['refuse']>();
  const sink: Sink = { resolve: () => {}, reject: () => {}, refuse };
  return { inner: () => {}, operation: () => 1, context, sink, refuse };
}

describe('WaitingLine', () => {
  it('(1) (3) hands out in order, and knows what those in line cost', () => {
    const line = new WaitingLine('quota', undefined);
    const contexts = [2, 3, 5].map(() => Context.background.withCancel());
    for (const [index, context] of contexts.entries()) line.join(arrival(context), [2, 3, 5][index] ?? 0, 100);
    expect(line.totalCost).toBe(10);

    const { first } = line;
    expect(first?.arrival.context).toBe(contexts[0]);
    expect(first !== undefined && line.takeOut(first)).toBe(true);
    expect(first !== undefined && line.takeOut(first)).toBe(false);
    expect(line.first?.arrival.context).toBe(contexts[1]);
    expect(line).toMatchObject({ totalCost: 8, length: 2 });
  });

  it('(2) lets a call go at once when its context ends, with the cause', () => {
    const line = new WaitingLine('quota', undefined);
    const [one, other] = [Context.background.withCancel(), Context.background.withCancel()];
    const [leaving, staying] = [arrival(one), arrival(other)];
    line.join(leaving, 1, 100);
    line.join(staying, 1, 100);
    const { first } = line;
    one.cancel('enough');

    expect(leaving.refuse).toHaveBeenCalledExactlyOnceWith('enough', expect.anything());
    expect(line).toMatchObject({ totalCost: 1, length: 1 });
    expect(first !== undefined && line.takeOut(first)).toBe(false);
    expect(staying.refuse).not.toHaveBeenCalled();
  });

  it('(2) refuses a call whose context has ended already', () => {
    const line = new WaitingLine('quota', undefined);
    const context = Context.background.withCancel();
    context.cancel('enough');
    const late = arrival(context);
    line.join(late, 1, 100);

    expect(late.refuse).toHaveBeenCalledExactlyOnceWith('enough', expect.anything());
    expect(line).toMatchObject({ totalCost: 0, length: 0 });
  });

  it('(2) never hands out a call whose deadline has passed, whether its timer has fired or not', () => {
    let now = 0;
    const clock = { now: () => now, setTimer: virtualClock().setTimer.bind(virtualClock()) };
    const line = new WaitingLine('quota', undefined);
    const late = arrival(Context.withClock(clock).withTimeout(10));
    line.join(late, 4, 100);
    const { first } = line;
    now = 10;

    expect(first !== undefined && line.dropEnded(first)).toBe(true);
    expect(first !== undefined && line.takeOut(first)).toBe(false);
    expect(late.refuse).toHaveBeenCalledOnce();
    expect(line).toMatchObject({ totalCost: 0, length: 0 });
  });

  it('(2) leaves no listener with the context of a call that was handed out', () => {
    const line = new WaitingLine('quota', undefined);
    const context = Context.background.withCancel();
    const served = arrival(context);
    line.join(served, 1, 100);
    const { first } = line;
    if (first !== undefined) line.takeOut(first);
    context.cancel('later');

    expect(served.refuse).not.toHaveBeenCalled();
  });
});
