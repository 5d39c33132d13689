import { describe, expect, it } from 'vitest';

import { Context, pipeline, retry, timeout } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { Downstream, observe } from './downstream.ts';

describe('timeout around retry', () => {
  it('charter G6: bounds all tries and waits together', async () => {
    const clock = virtualClock();
    const downstream = new Downstream(clock);
    const policy = pipeline(timeout({ timeoutMs: 100, clock }), retry({ clock, maxAttempts: 9, baseDelayMs: 0 }));
    const call = observe(policy.execute(downstream.hang));

    await clock.advance(99);
    expect(call().status).toBe('pending');
    await clock.advance(1);
    expect(call()).toMatchObject({ status: 'rejected', error: { code: 'TIMEOUT', timeoutMs: 100 } });
    expect(downstream.calls).toBe(1);
    expect(clock.referencedCount).toBe(0);
  });

  it('charter G6: begins no wait that the deadline would cut off, and gives the error of the try', async () => {
    const clock = virtualClock();
    const downstream = new Downstream(clock);
    const policy = pipeline(timeout({ timeoutMs: 100, clock }), retry({ clock, baseDelayMs: 300, random: () => 0.5 }));
    const call = observe(policy.execute(downstream.fail));

    await clock.advance(0);

    expect(call()).toEqual({ status: 'rejected', error: downstream.lastError });
    expect(downstream.calls).toBe(1);
  });
});

describe('retry around timeout', () => {
  it('charter G6: gives each try its own time', async () => {
    const clock = virtualClock();
    const downstream = new Downstream(clock);
    const policy = pipeline(retry({ clock, maxAttempts: 3, baseDelayMs: 0 }), timeout({ timeoutMs: 100, clock }));
    const call = observe(policy.execute(downstream.hang));

    await clock.advance(299);
    expect([call().status, downstream.calls]).toEqual(['pending', 3]);
    await clock.advance(1);
    expect(call()).toMatchObject({ error: { code: 'TIMEOUT' } });
  });

  it('charter G6: a try never gets more than what the caller has left', async () => {
    const clock = virtualClock();
    const remaining: number[] = [];
    const policy = pipeline(retry({ clock, maxAttempts: 5, baseDelayMs: 0 }), timeout({ timeoutMs: 100, clock }));
    const context = Context.withClock(clock).withTimeout(250);
    const call = observe(
      policy.execute((own) => {
        remaining.push(own.remainingMs());
        return new Promise(() => {});
      }, context),
    );

    await clock.advance(250);

    expect(remaining).toEqual([100, 100, 50]);
    expect(call()).toEqual({ status: 'rejected', error: context.cause });
  });
});
