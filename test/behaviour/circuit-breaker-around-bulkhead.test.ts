import { describe, expect, it } from 'vitest';

import { bulkhead, circuitBreaker, type Policy, pipeline } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { Downstream, observe } from './downstream.ts';

describe('circuit breaker around bulkhead', () => {
  it('charter E7: refusals of the bulkhead neither fill the window nor open the circuit', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 2 });
    const downstream = new Downstream(clock);
    const policy = pipeline(breaker, bulkhead(1));

    for (let call = 0; call < 50; call++) void observe(policy.execute(downstream.hang));
    await clock.advance(0);

    expect(downstream.calls).toBe(1);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, verdicts: { ignored: 49, failure: 0 } });
  });

  it.each(['bulkhead', 'second breaker'])(
    'charter D2: a probe that a %s refuses gives its place back',
    async (kind) => {
      const clock = virtualClock();
      const breaker = circuitBreaker({ name: 'outer', clock, minimumCalls: 2, openForMs: 100, maxProbes: 1 });
      const downstream = new Downstream(clock);
      const gate = bulkhead(1);
      const second = circuitBreaker({ name: 'inner', clock, minimumCalls: 1, openForMs: 1000 });
      for (let call = 0; call < 2; call++) void observe(breaker.execute(downstream.fail));
      if (kind === 'bulkhead') void observe(gate.execute(downstream.slow(1000)));
      else void observe(second.execute(downstream.fail));
      await clock.advance(100);
      const inner: Policy = kind === 'bulkhead' ? gate : second;
      const policy = pipeline(breaker, inner);
      const before = downstream.calls;

      for (let call = 0; call < 5; call++) {
        const refused = observe(policy.execute(downstream.succeed));
        await clock.advance(0);
        expect(refused()).toMatchObject({ error: { code: kind === 'bulkhead' ? 'BULKHEAD_FULL' : 'CIRCUIT_OPEN' } });
        expect(breaker.state).toBe('half-open');
      }
      expect(downstream.calls).toBe(before);

      await clock.advance(1000);
      const probe = observe(policy.execute(downstream.succeed));
      await clock.advance(0);
      expect([probe().status, downstream.calls, breaker.state]).toEqual(['fulfilled', before + 1, 'closed']);
    },
  );
});

describe('bulkhead around circuit breaker', () => {
  it('charter E7: holds no permit for what the circuit refuses', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 1 });
    const gate = bulkhead(1);
    const downstream = new Downstream(clock);
    const policy = pipeline(gate, breaker);

    for (let call = 0; call < 10; call++) void observe(policy.execute(downstream.fail));
    await clock.advance(0);

    expect(downstream.calls).toBe(1);
    expect(gate.snapshot()).toMatchObject({ running: 0, rejected: 0 });
    expect(breaker.snapshot().rejections.open).toBe(9);
  });
});
