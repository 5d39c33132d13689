import { describe, expect, it } from 'vitest';

import { fallback, pipeline, retry } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { Downstream, observe } from './downstream.ts';

describe('fallback around retry', () => {
  it('charter C1: answers once, after the last try, with its error', async () => {
    const clock = virtualClock();
    const downstream = new Downstream(clock);
    const asked: unknown[] = [];
    const substitute = (error: unknown): string => (asked.push(error), 'stale');
    const call = observe(pipeline(fallback({ substitute }), retry({ clock, maxAttempts: 3 })).execute(downstream.fail));

    await clock.runAll();

    expect(call()).toEqual({ status: 'fulfilled', value: 'stale' });
    expect(downstream.calls).toBe(3);
    expect(asked).toEqual([downstream.lastError]);
  });
});

describe('retry around fallback', () => {
  it('charter S2: never retries, for the fallback hides the failure', async () => {
    const clock = virtualClock();
    const downstream = new Downstream(clock);
    const call = observe(
      pipeline(retry({ clock, maxAttempts: 3 }), fallback({ value: 'stale' })).execute(downstream.fail),
    );

    await clock.runAll();

    expect(call()).toEqual({ status: 'fulfilled', value: 'stale' });
    expect(downstream.calls).toBe(1);
  });
});
