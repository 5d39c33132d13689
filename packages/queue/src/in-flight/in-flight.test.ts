import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { endedBefore } from './ended-before.ts';
import { InFlight, isDrainCause } from './in-flight.ts';

function make(graceMs = 100) {
  const clock = virtualClock();
  const root = Context.withClock(clock);
  const inFlight = new InFlight({ name: 'orders', clock, graceMs });
  return { clock, root, inFlight };
}

/** What `promise` is rejected with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('InFlight', () => {
  it('(1) counts a run as finished or as abandoned, never both', async () => {
    const { clock, root, inFlight } = make();
    const [quick, slow] = [inFlight.begin('a', root.withCancel()), inFlight.begin('b', root.withCancel())];
    const drained = inFlight.drain(root.withTimeout(1000));
    inFlight.end(quick, true);
    await clock.advance(1000);
    inFlight.end(slow, false);

    expect(await drained).toMatchObject({
      isComplete: false,
      durationMs: 1000,
      finished: [{ name: 'a', count: 1, failedCount: 1 }],
      abandoned: [{ name: 'b', ageMs: 1000 }],
      error: { code: 'DRAIN_INCOMPLETE', message: 'orders is drained and left 1 behind' },
    });
  });

  it('(1) counts one as abandoned alone that ends at the very moment when it is cancelled', async () => {
    const { root, inFlight } = make();
    const run = inFlight.begin('a', root.withCancel());
    run.context.onCancel(() => inFlight.end(run, true));

    expect(await inFlight.drain(root.withTimeout(0))).toMatchObject({ finished: [], abandoned: [{ name: 'a' }] });
  });

  it('(2) ends when nothing is under way, or with the first context', async () => {
    const { clock, root, inFlight } = make();
    expect(await make().inFlight.drain(root)).toMatchObject({ isComplete: true, durationMs: 0 });
    inFlight.begin('a', root.withCancel());
    const first = inFlight.drain(root);
    void inFlight.drain(root.withTimeout(50));
    await clock.advance(50);
    expect((await first).abandoned).toHaveLength(1);
    expect(await inFlight.drain(root)).toBe(await first);
  });

  it('(3) cancels the rest a grace before the end, a fifth of the time at most', async () => {
    const { clock, root, inFlight } = make();
    const run = inFlight.begin('a', root.withCancel());
    void inFlight.drain(root.withTimeout(250));
    await clock.advance(199);
    expect(run.context.cancelled).toBe(false);
    await clock.advance(1);
    expect(isDrainCause(run.context.cause)).toBe(true);
    expect(isDrainCause(new Error('other'))).toBe(false);
  });

  it('(4) leaves no timer', async () => {
    const { clock, root, inFlight } = make();
    const run = inFlight.begin('a', root.withCancel());
    const drained = inFlight.drain(root.withTimeout(1000));
    inFlight.end(run, false);
    await drained;
    expect(clock.pendingCount).toBe(0);
  });
});

describe('endedBefore', () => {
  it('gives what the promise comes to, or the cause where the context ends first, and leaves no timer', async () => {
    const { clock, root } = make();
    await expect(endedBefore(Promise.resolve(1), root.withTimeout(10), clock)).resolves.toBe(1);
    const late = endedBefore(new Promise(() => {}), root.withTimeout(10, new Error('late')), clock);
    const outcome = failureOf(late);
    await clock.advance(10);
    expect(await outcome).toMatchObject({ message: 'late' });
    await expect(endedBefore(Promise.reject(new Error('no')), root, clock)).rejects.toThrow('no');
    expect(clock.pendingCount).toBe(0);
  });
});
