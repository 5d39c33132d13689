import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { settledWithin } from './settled-within.ts';

function make(timeoutMs: number) {
  const clock = virtualClock();
  let abandoned = 0;
  const context = Context.withClock(clock).withTimeout(timeoutMs, new Error('too late'));
  const parts = { context, clock, graceMs: 50, onAbandoned: () => abandoned++ };
  return { clock, parts, abandoned: () => abandoned };
}

/** What `promise` is rejected with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('settledWithin', () => {
  it('(1) settles as the handler does, by identity', async () => {
    const { parts } = make(100);
    const [value, error] = [{}, new Error('no')];
    await expect(settledWithin(() => value, parts)).resolves.toBe(value);
    await expect(settledWithin(() => Promise.reject(error), parts)).rejects.toBe(error);
    const throwing = settledWithin(() => {
      throw error;
    }, parts);
    await expect(throwing).rejects.toBe(error);
  });

  it('(2) rejects a grace after the context has ended, and not before', async () => {
    const { clock, parts, abandoned } = make(100);
    const outcome = failureOf(settledWithin(() => new Promise(() => {}), parts));
    await clock.advance(149);
    expect(abandoned()).toBe(0);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ message: 'too late' });
    expect(abandoned()).toBe(1);
  });

  it('(3) drops what comes later, and leaves no timer', async () => {
    const { clock, parts } = make(100);
    let fail: (error: Error) => void = () => {};
    const late = settledWithin(() => new Promise((_resolve, reject) => (fail = reject)), parts);
    const outcome = failureOf(late);
    await clock.advance(150);
    fail(new Error('nobody hears this'));
    expect(await outcome).toMatchObject({ message: 'too late' });
    await settledWithin(() => 1, make(100).parts);
    expect(clock.pendingCount).toBe(0);
  });
});
