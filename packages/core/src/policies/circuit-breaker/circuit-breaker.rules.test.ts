import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type CircuitBreaker, type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts';

const make = (clock: VirtualClock, options: CircuitBreakerOptions = {}): CircuitBreaker =>
  circuitBreaker({ name: 'prices', clock, minimumCalls: 2, openForMs: 1000, ...options });
const fail = async (breaker: CircuitBreaker, error: unknown = new Error('down')): Promise<void> => {
  await settled(
    breaker.execute(() => {
      throw error;
    }),
  );
};
const open = async (breaker: CircuitBreaker): Promise<void> => {
  while (breaker.state === 'closed') await fail(breaker);
};

describe('charter E5: slow calls', () => {
  it('open the circuit while they still run, as soon as anybody looks', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { slowCallMs: 100 });
    const calls = [observe(breaker.execute(never)), observe(breaker.execute(never))];
    await clock.advance(99);
    expect([breaker.state, breaker.snapshot().slowCalls]).toEqual(['closed', 0]);
    await clock.advance(1);

    expect(breaker.state).toBe('open');
    expect(breaker.snapshot()).toMatchObject({ tripReason: 'slowRatio', slowCalls: 0 });
    expect(calls.map((call) => call().status)).toEqual(['pending', 'pending']);
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ code: 'CIRCUIT_OPEN', retryAfterMs: 1000 });
    expect(clock.pendingCount).toBe(0);
  });

  it('are found by the next call before it is admitted', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { slowCallMs: 100 });
    void observe(breaker.execute(never));
    void observe(breaker.execute(never));
    await clock.advance(500);

    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ reason: 'open' });
  });

  it('count whether they succeed, fail or time out; fast ones and those that were cancelled do not', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { slowCallMs: 100, minimumCalls: 50 });
    const context = Context.withClock(clock).withCancel();
    void observe(breaker.execute(() => after(clock, 150, 'slow')));
    void observe(breaker.execute(() => after(clock, 150, 0).then(() => Promise.reject(new Error('slow')))));
    void observe(breaker.execute(() => after(clock, 50, 'fast')));
    void observe(breaker.execute(never, context));
    await clock.advance(60);
    context.cancel();
    await clock.advance(200);

    expect(breaker.snapshot()).toMatchObject({ timedCalls: 3, slowCalls: 2, calls: 3, failures: 1 });
  });

  it('make a probe fail, also while it runs', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { slowCallMs: 100, maxProbes: 1 });
    await open(breaker);
    await clock.advance(1000);
    void observe(breaker.execute(() => after(clock, 150, 'slow')));
    await clock.advance(100);

    expect(breaker.state).toBe('open');
    expect(breaker.snapshot()).toMatchObject({ reopenings: 1, tripReason: 'probes' });
    await clock.advance(1000);
    const probe = breaker.execute(() => after(clock, 100, 'slow again'));
    await clock.advance(100);
    await probe;
    expect(breaker.snapshot()).toMatchObject({ reopenings: 2 });
  });
});

describe('charter D10: the open time', () => {
  it('grows each time that the probes fail, and starts over after a success', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { maxProbes: 1, openBackoffRatio: 2, maxOpenForMs: 3000 });
    await open(breaker);
    const times: number[] = [];
    for (let round = 0; round < 4; round++) {
      times.push(breaker.snapshot().remainingOpenMs);
      await clock.advance(breaker.snapshot().remainingOpenMs);
      if (round < 3) await fail(breaker);
    }
    await breaker.execute(() => 'back');
    await open(breaker);

    expect(times).toEqual([1000, 2000, 3000, 3000]);
    expect(breaker.snapshot()).toMatchObject({ remainingOpenMs: 1000, reopenings: 0 });
  });

  it('is as long as the failing dependency asks for, within bounds', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { maxOpenForMs: 20_000 });
    await fail(breaker);
    await fail(breaker, Object.assign(new Error('busy'), { retryAfterMs: 7000 }));

    expect(breaker.snapshot().remainingOpenMs).toBe(7000);
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ retryAfterMs: 7000 });
  });
});

describe('charter D6: after it has closed', () => {
  it('circuit (6) lets a growing share of the calls through, and then all of them', async () => {
    const clock = virtualClock();
    let draws = 0;
    const breaker = make(clock, { rampUpMs: 1000, maxProbes: 1, random: () => (draws++ % 100) / 100 });
    const passed = async (): Promise<number> => {
      let count = 0;
      for (let call = 0; call < 100; call++) {
        const { status } = await settled(breaker.execute(() => 1));
        if (status === 'fulfilled') count++;
      }
      return count;
    };
    await open(breaker);
    await clock.advance(1000);
    await breaker.execute(() => 'back');

    const shares = [await passed()];
    for (const ms of [250, 250, 499]) {
      await clock.advance(ms);
      shares.push(await passed());
    }
    expect(breaker.snapshot().passRatio).toBe(0.999);
    await clock.advance(1);
    shares.push(await passed());

    expect(shares).toEqual([10, 25, 50, 100, 100]);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', passRatio: 1 });
    expect(breaker.snapshot().rejections['ramping-up']).toBe(215);
    expect(draws).toBe(400);
  });

  it('says when all calls pass again', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { rampUpMs: 1000, maxProbes: 1, random: () => 0.99 });
    await open(breaker);
    await clock.advance(1000);
    await breaker.execute(() => 'back');
    await clock.advance(300);

    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ reason: 'ramping-up', retryAfterMs: 700 });
  });
});

describe('charter F3: a deadline of the caller', () => {
  it.each([
    [99, 'ignored'],
    [100, 'failure'],
  ] as const)('that leaves %d of 100 ms to judge is a verdict of %s', async (ms, verdict) => {
    const clock = virtualClock();
    const breaker = make(clock, { minTimeoutToJudgeMs: 100 });
    void observe(breaker.execute(never, Context.withClock(clock).withTimeout(ms)));
    await clock.advance(200);

    expect(breaker.snapshot().verdicts).toEqual({ success: 0, failure: 0, ignored: 0, [verdict]: 1 });
  });

  it('is known by the time that it left, also where it comes as a signal', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { minTimeoutToJudgeMs: 100 });
    for (const ms of [50, 150]) {
      const controller = new AbortController();
      void observe(breaker.execute(never, Context.from(controller.signal)));
      await clock.advance(ms);
      controller.abort(new DOMException('too late', 'TimeoutError'));
      await settle();
    }

    expect(breaker.snapshot().verdicts).toEqual({ success: 0, failure: 1, ignored: 1 });
  });

  it('takes nothing from other failures of a hasty caller', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { minTimeoutToJudgeMs: 100 });
    const context = Context.withClock(clock).withTimeout(50);
    await settled(breaker.execute(() => Promise.reject(new Error('down')), context));

    expect(breaker.snapshot().verdicts.failure).toBe(1);
  });
});

describe('charter O2, N4: holds and enforcement', () => {
  it('hold the circuit in a state whatever calls come to, tell it, and give it back', async () => {
    const clock = virtualClock();
    const events = createEvents();
    const told = recordEvents(events);
    const breaker = make(clock, { events });
    const isolation = breaker.hold('open', { owner: 'people', forMs: Infinity, reason: 'maintenance' });
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ reason: 'forced-open', retryAfterMs: undefined });
    expect(breaker.snapshot().holds).toMatchObject([{ state: 'forced-open', owner: 'people', reason: 'maintenance' }]);

    expect(isolation.release()).toBe(true);
    expect(isolation.release()).toBe(false);
    expect(breaker.state).toBe('closed');
    {
      using held = breaker.hold('closed', { owner: 'people', forMs: 500 });
      expect(held).toBeDefined();
      for (let call = 0; call < 9; call++) await fail(breaker);
      expect(breaker.state).toBe('forced-closed');
    }
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, verdicts: { failure: 9 } });
    expect(told.events.filter(({ type }) => type.endsWith('transitioned'))).toMatchObject([
      { from: 'closed', to: 'forced-open' },
      { from: 'forced-open', to: 'closed' },
      { from: 'closed', to: 'forced-closed' },
      { from: 'forced-closed', to: 'closed' },
    ]);
  });

  it('end by themselves, and show what went on underneath', async () => {
    const clock = virtualClock();
    const breaker = make(clock);
    await open(breaker);
    breaker.hold('closed', { owner: 'people', forMs: 400 });
    await expect(breaker.execute(() => 1)).resolves.toBe(1);
    await clock.advance(400);

    expect(breaker.state).toBe('open');
    expect(breaker.snapshot().remainingOpenMs).toBe(600);
  });

  it.each([
    ['ajar', { owner: 'people', forMs: 5 }, 'circuitBreaker.hold must be one of "open", "closed", got "ajar"'],
    ['open', { owner: '', forMs: 5 }, 'circuitBreaker.hold.owner must be a non-empty string'],
    ['open', { owner: 'people', forMs: 0 }, 'circuitBreaker.hold.forMs must be a number from 1 to Infinity, got 0'],
  ])('of %s with %j is refused', (state, options, message) => {
    expect(() => make(virtualClock()).hold(state as 'open', options)).toThrow(message);
  });

  it('observe lets every call run, counts what it would have refused, and finds out when the dependency is back', async () => {
    const clock = virtualClock();
    const events = createEvents();
    const told = recordEvents(events);
    const breaker = make(clock, { enforcement: 'observe', events, maxProbes: 1 });
    await open(breaker);
    await expect(breaker.execute(() => 'runs')).resolves.toBe('runs');
    expect(breaker.snapshot()).toMatchObject({ state: 'open', observed: 1, rejections: { open: 0 } });
    expect(told.events.at(-1)).toMatchObject({ type: 'circuit-breaker.rejected', enforcement: 'observe' });

    await clock.advance(1000);
    await breaker.execute(() => 'back');
    expect(breaker.state).toBe('closed');
  });

  it('is refused by a hold under observe, too: somebody asked for it', async () => {
    const breaker = make(virtualClock(), { enforcement: 'observe' });
    const hold = breaker.hold('open', { owner: 'people', forMs: 5000 });

    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ reason: 'forced-open', retryAfterMs: 5000 });
    expect(breaker.tryAcquire()).toBeUndefined();
    expect(breaker.snapshot()).toMatchObject({ observed: 0, rejections: { 'forced-open': 2 } });
    hold.release();
    await expect(breaker.execute(() => 1)).resolves.toBe(1);
  });

  it('off does nothing and counts nothing', async () => {
    const breaker = make(virtualClock(), { enforcement: 'off' });
    for (let call = 0; call < 9; call++) await fail(breaker);

    expect(breaker.snapshot()).toMatchObject({ state: 'closed', verdicts: { failure: 0 }, calls: 0 });
    expect(breaker.tryAcquire()).toBeDefined();
  });
});
