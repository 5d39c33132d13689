import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, settled } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import { CircuitOpenError, type Refusal } from './circuit-events.ts';

const breakIt = async (breaker: { execute(operation: () => never): Promise<unknown> }, times: number) => {
  for (let call = 0; call < times; call++) {
    await settled(
      breaker.execute(() => {
        throw new Error('down');
      }),
    );
  }
};

describe('circuit events', () => {
  it.each<[Refusal, string]>([
    ['open', 'prices is open'],
    ['half-open-full', 'prices is half-open and probing'],
    ['forced-open', 'prices is held open'],
    ['ramping-up', 'prices has closed a moment ago and lets calls through gradually'],
  ])('a refusal because it is %s says so, and when to come back', (reason, message) => {
    const error = new CircuitOpenError('prices', reason, 70);

    expect(String(error)).toBe(`CircuitOpenError: ${message}`);
    expect(Object.fromEntries(Object.entries(error))).toEqual({
      message,
      stack: String(error),
      code: 'CIRCUIT_OPEN',
      reason,
      policy: 'prices',
      retryAfterMs: 70,
    });
  });

  it('tell each transition and each refusal, with all that they promise', async () => {
    const clock = virtualClock();
    const events = createEvents();
    const told = recordEvents(events);
    const breaker = circuitBreaker({ name: 'prices', clock, events, minimumCalls: 2, openForMs: 100, maxProbes: 1 });
    const base = { policy: 'circuit-breaker', name: 'prices' };
    const changed = { ...base, type: 'circuit-breaker.transitioned' };
    const refused = { ...base, type: 'circuit-breaker.rejected', enforcement: 'enforce' };

    await breakIt(breaker, 3);
    await clock.advance(100);
    void settled(breaker.execute(never));
    await settled(breaker.execute(() => 1));
    breaker.reset();

    expect(told.events).toEqual([
      { ...changed, from: 'closed', to: 'open', reason: 'failureRatio' },
      { ...refused, reason: 'open' },
      { ...changed, from: 'open', to: 'half-open', reason: undefined },
      { ...refused, reason: 'half-open-full' },
      { ...changed, from: 'half-open', to: 'closed', reason: undefined },
    ]);
    expect(breaker.snapshot().transitions).toEqual({ 'closed->open': 1, 'open->half-open': 1, 'half-open->closed': 1 });
    expect(breaker.snapshot().rejections).toEqual({
      open: 1,
      'half-open-full': 1,
      'forced-open': 0,
      'ramping-up': 0,
    });
  });

  it('say of a call that ran nevertheless that it did, and count it apart', async () => {
    const clock = virtualClock();
    const events = createEvents();
    const told = recordEvents(events);
    const breaker = circuitBreaker({ clock, events, minimumCalls: 2, enforcement: 'observe' });
    await breakIt(breaker, 3);

    expect(told.events.at(-1)).toEqual({
      type: 'circuit-breaker.rejected',
      policy: 'circuit-breaker',
      name: 'circuit-breaker',
      reason: 'open',
      enforcement: 'observe',
    });
    expect(breaker.snapshot()).toMatchObject({ observed: 1, rejections: { open: 0 } });
  });

  it('count every verdict, that of a call which its context ended before it ran as nothing about the dependency', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, slowCallMs: 50 });
    const cancelled = Context.withClock(clock).withCancel();
    await breaker.execute(() => 1);
    await breakIt(breaker, 1);
    const running = settled(breaker.execute(never, cancelled));
    cancelled.cancel();
    await running;
    await settled(breaker.execute(() => 1, cancelled));

    expect(breaker.snapshot().verdicts).toEqual({ success: 1, failure: 1, ignored: 1 });
  });
});
