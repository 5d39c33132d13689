import { describe, expect, it } from 'vitest';

import { Context, circuitBreaker, pipeline, timeout } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { Downstream, observe } from './downstream.ts';

describe.each([
  ['circuit breaker around timeout', true],
  ['timeout around circuit breaker', false],
] as const)('%s', (_order, isOutside) => {
  it('charter F3: counts calls that ran out of our time as failures', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 2 });
    const limit = timeout({ timeoutMs: 100, clock });
    const policy = isOutside ? pipeline(breaker, limit) : pipeline(limit, breaker);
    const downstream = new Downstream(clock);

    for (let call = 0; call < 2; call++) void observe(policy.execute(downstream.hang));
    await clock.advance(100);

    expect(breaker.snapshot()).toMatchObject({ state: 'open', verdicts: { failure: 2 } });
    const refused = observe(policy.execute(downstream.hang));
    await clock.advance(0);
    expect([refused().status, downstream.calls]).toEqual(['rejected', 2]);
  });

  it('charter F3: ignores calls whose caller gave up', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 2 });
    const limit = timeout({ timeoutMs: 100, clock });
    const policy = isOutside ? pipeline(breaker, limit) : pipeline(limit, breaker);
    const downstream = new Downstream(clock);

    for (let call = 0; call < 5; call++) {
      const context = Context.withClock(clock).withCancel();
      void observe(policy.execute(downstream.hang, context));
      context.cancel('gone');
      await clock.advance(1);
    }

    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, verdicts: { ignored: 5 } });
  });
});
