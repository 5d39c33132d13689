import { describe, expect, it } from 'vitest';

import { circuitBreaker, fallback, pipeline } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { Downstream, observe } from './downstream.ts';

describe('fallback around circuit breaker', () => {
  it('answers failures and refusals alike, and hides neither from the breaker', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 2 });
    const downstream = new Downstream(clock);
    const policy = pipeline(fallback({ value: 'stale' }), breaker);
    const calls = Array.from({ length: 5 }, () => observe(policy.execute(downstream.fail)));

    await clock.advance(0);

    expect(calls.map((call) => call())).toEqual(calls.map(() => ({ status: 'fulfilled', value: 'stale' })));
    expect(downstream.calls).toBe(2);
    expect(breaker.snapshot()).toMatchObject({ state: 'open', verdicts: { failure: 2 }, rejections: { open: 3 } });
  });
});

describe('circuit breaker around fallback', () => {
  it('charter S1: never opens, for the fallback hides the failures', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 2 });
    const downstream = new Downstream(clock);
    const policy = pipeline(breaker, fallback({ value: 'stale' }));

    for (let call = 0; call < 50; call++) void observe(policy.execute(downstream.fail));
    await clock.advance(0);

    expect(downstream.calls).toBe(50);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', verdicts: { success: 50, failure: 0 } });
  });
});
