import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { endedBefore } from './ended-before.ts';

function make() {
  const clock = virtualClock();
  return { clock, root: Context.withClock(clock) };
}

/** What `promise` is rejected with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

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
