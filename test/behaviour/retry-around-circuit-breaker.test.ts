import { describe, expect, it } from 'vitest';

import { circuitBreaker, isRejection, pipeline, retry } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { Downstream, observe } from './downstream.ts';

describe('retry around circuit breaker', () => {
  it('charter S1: shows the breaker each try', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 10 });
    const downstream = new Downstream(clock);
    const call = observe(pipeline(retry({ clock, maxAttempts: 3 }), breaker).execute(downstream.fail));

    await clock.runAll();

    expect(downstream.calls).toBe(3);
    expect(breaker.snapshot().verdicts.failure).toBe(3);
    expect(call()).toEqual({ status: 'rejected', error: downstream.lastError });
  });

  it('charter F4: does not retry a circuit that opened meanwhile', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 2 });
    const downstream = new Downstream(clock);
    const call = observe(pipeline(retry({ clock, maxAttempts: 5 }), breaker).execute(downstream.fail));

    await clock.runAll();

    expect(downstream.calls).toBe(2);
    expect(breaker.snapshot().rejections.open).toBe(1);
    const standing = call();
    expect(standing.status === 'rejected' && isRejection(standing.error)).toBe(true);
  });

  it('charter H6: sends at most a few calls to a backend that is down, whatever the demand', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 10, openForMs: 60_000 });
    const downstream = new Downstream(clock);
    const policy = pipeline(retry({ clock, maxAttempts: 3 }), breaker);

    for (let call = 0; call < 200; call++) {
      void observe(policy.execute(downstream.fail));
      await clock.advance(10);
    }

    expect(downstream.calls).toBeLessThanOrEqual(30);
  });
});

describe('circuit breaker around retry', () => {
  it('charter S1: shows the breaker one call where the downstream sees three', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 10 });
    const downstream = new Downstream(clock);
    void observe(pipeline(breaker, retry({ clock, maxAttempts: 3 })).execute(downstream.fail));

    await clock.runAll();

    expect(downstream.calls).toBe(3);
    expect(breaker.snapshot().verdicts.failure).toBe(1);
  });
});
