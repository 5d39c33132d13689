import { describe, expect, it, vi } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { Context } from './context.ts';
import { within } from './within.ts';

const clock = virtualClock();
const root = Context.withClock(clock);
const failure = new Error('boom');

describe('within', () => {
  it('(1) resolves with the value, the error or the end of the context', async () => {
    const context = root.withTimeout(100);
    const parts = { clock, context };

    expect(await within(() => 1, parts)).toEqual({ kind: 'done', value: 1 });
    expect(await within(async () => 2, parts)).toEqual({ kind: 'done', value: 2 });
    expect(await within(() => Promise.reject(failure), parts)).toEqual({ kind: 'failed', error: failure });
    const thrown = within(() => {
      throw failure;
    }, parts);
    expect(await thrown).toEqual({ kind: 'failed', error: failure });
    const hanging = within(() => new Promise(() => {}), parts);
    await clock.advance(100);
    expect(await hanging).toEqual({ kind: 'late', cause: context.cause });
  });

  it('(3) does not run work under a context that has ended', async () => {
    const work = vi.fn<() => void>();
    const context = root.withTimeout(0);

    expect(await within(work, { clock, context })).toEqual({ kind: 'late', cause: context.cause });
    expect(work).not.toHaveBeenCalled();
  });

  it('(2) keeps the process alive until it is over, and leaves no timer', async () => {
    const hanging = within(() => new Promise(() => {}), { clock, context: root.withTimeout(100) });
    expect(clock.referencedCount).toBe(1);
    await clock.advance(100);
    await hanging;
    await within(() => 1, { clock, context: root.withTimeout(100) });

    expect(clock.pendingCount).toBe(0);
  });

  it('(3) does not begin work whose context ends in the turn in which it was asked for', async () => {
    const work = vi.fn<() => void>();
    const context = root.withCancel();

    const ending = within(work, { clock, context });
    context.cancel('enough');

    expect(await ending).toEqual({ kind: 'late', cause: 'enough' });
    await clock.advance(0);
    expect(work).not.toHaveBeenCalled();
  });

  it('(4) hands on what comes too late, and swallows a late error', async () => {
    const onLate = vi.fn<(value: number) => void>();
    const context = root.withCancel();
    let resolve: (value: number) => void = () => {};
    const late = within(() => new Promise<number>((settle) => (resolve = settle)), { clock, context, onLate });
    const failing = within(() => new Promise<number>((_, reject) => void context.onCancel(() => reject(failure))), {
      clock,
      context,
      onLate,
    });
    await clock.advance(0);
    context.cancel('enough');
    expect(await late).toEqual({ kind: 'late', cause: 'enough' });
    resolve(7);
    await failing;
    await clock.advance(0);

    expect(onLate.mock.calls).toEqual([[7]]);
  });
});
