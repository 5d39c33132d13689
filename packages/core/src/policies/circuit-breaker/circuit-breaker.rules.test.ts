import { afterEach, describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
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
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ reason: 'forced-open', retryAfterMs: Infinity });
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

  it('off does nothing and counts nothing', async () => {
    const breaker = make(virtualClock(), { enforcement: 'off' });
    for (let call = 0; call < 9; call++) await fail(breaker);

    expect(breaker.snapshot()).toMatchObject({ state: 'closed', verdicts: { failure: 0 }, calls: 0 });
    expect(breaker.tryAcquire()).toBeDefined();
  });
});

describe('tryAcquire', () => {
  afterEach(() => void onHookError(undefined));

  it('admitted call (1) gives a permit that counts once, and by default says nothing', () => {
    const breaker = make(virtualClock());
    const permit = breaker.tryAcquire();
    permit?.success();
    permit?.failure();
    permit?.[Symbol.dispose]();
    {
      using dropped = breaker.tryAcquire();
      expect(dropped).toBeDefined();
    }
    breaker.tryAcquire()?.ignore();

    expect(breaker.snapshot()).toMatchObject({ calls: 1, verdicts: { success: 1, failure: 0, ignored: 2 } });
  });

  it('refuses without a throw while the circuit is open', () => {
    const breaker = make(virtualClock());
    breaker.tryAcquire()?.failure(new Error('down'));
    breaker.tryAcquire()?.failure({ retryAfterMs: 5000 });

    expect(breaker.tryAcquire()).toBeUndefined();
    expect(breaker.snapshot()).toMatchObject({ state: 'open', remainingOpenMs: 5000, rejections: { open: 1 } });
  });

  it('runs as a probe, and gives its place back when it is dropped', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { maxProbes: 1 });
    await open(breaker);
    await clock.advance(1000);

    const probe = breaker.tryAcquire();
    expect(breaker.tryAcquire()).toBeUndefined();
    probe?.ignore();
    breaker.tryAcquire()?.success();
    expect(breaker.state).toBe('closed');
  });
});

describe('charter O1: update', () => {
  it('keeps state and window, and decides by the new options from then on', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { minimumCalls: 10 });
    for (let call = 0; call < 5; call++) await fail(breaker);
    breaker.update({ minimumCalls: 6, openForMs: 50 });
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 5, failures: 5 });
    await fail(breaker);

    expect(breaker.snapshot()).toMatchObject({ state: 'open', remainingOpenMs: 50 });
  });

  it('fills another window with what the old one held', async () => {
    const clock = virtualClock();
    const breaker = make(clock, {
      minimumCalls: 4,
      window: { kind: 'count', size: 10 },
      failureRatio: 1,
      slowCallMs: 50,
    });
    await fail(breaker);
    await breaker.execute(() => 1);
    await breaker.execute(() => 1);
    breaker.update({ window: { kind: 'count', size: 4 } });
    expect(breaker.snapshot()).toMatchObject({ calls: 3, failures: 1, timedCalls: 3 });
    await breaker.execute(() => 1);
    await breaker.execute(() => 1);

    expect(breaker.snapshot()).toMatchObject({ calls: 4, failures: 0, timedCalls: 4 });
  });

  it('changes nothing where a change is refused', () => {
    const breaker = make(virtualClock());
    const before = breaker.describe();

    expect(() => breaker.update({ openForMs: 5, failureRatio: 2 })).toThrow('circuitBreaker.failureRatio');
    expect(() => breaker.update({ name: 'other' } as object)).toThrow('circuitBreaker.update has no option "name"');
    expect(() => breaker.update({ window: { kind: 'count', size: 1 } })).toThrow('minimumCalls');
    expect(breaker.describe()).toEqual(before);
  });

  it('can switch slow calls on and off with calls under way', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { slowCallMs: 100 });
    const slow = breaker.execute(() => after(clock, 200, 'slow'));
    breaker.update({ slowCallMs: 300 });
    await clock.advance(200);
    await slow;

    expect(breaker.snapshot()).toMatchObject({ state: 'closed', timedCalls: 1, slowCalls: 0 });
    expect(breaker.describe()).toMatchObject({ traits: { slowCallMs: 300, countsFailures: true } });
  });
});

describe('the active health check', () => {
  it('health check (1), (2), (3) closes the circuit without a caller, with one timer at a time and none at rest', async () => {
    const clock = virtualClock();
    let [checks, healthy] = [0, false];
    const breaker = make(clock, {
      maxProbes: 2,
      probeSuccessRatio: 1,
      healthCheck: async () => {
        checks++;
        await after(clock, 10, 0);
        if (!healthy) throw new Error('still down');
      },
    });
    expect(clock.pendingCount).toBe(0);
    await open(breaker);
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);
    await clock.advance(1010);
    expect([checks, breaker.state, breaker.snapshot().reopenings]).toEqual([1, 'open', 1]);

    healthy = true;
    await clock.advance(1020);
    await settle();
    expect([checks, breaker.state, clock.pendingCount]).toEqual([3, 'closed', 0]);
  });

  it('health check (3) ends with its breaker', async () => {
    const clock = virtualClock();
    let checks = 0;
    const breaker = make(clock, { healthCheck: () => checks++ });
    await open(breaker);
    breaker[Symbol.dispose]();
    await clock.advance(5000);

    expect([checks, clock.pendingCount, breaker.state]).toEqual([0, 0, 'half-open']);
  });

  it('health check (2) waits for its turn while calls are the probes, and takes a lease that runs out', async () => {
    const clock = virtualClock();
    const checkedAt: number[] = [];
    const healthCheck = (): number => checkedAt.push(clock.now());
    const breaker = make(clock, { maxProbes: 1, probeLeaseMs: 300, healthCheck });
    let hung: unknown;
    clock.setTimer(() => (hung = breaker.tryAcquire()), 1000); // set first, so it fires before the check
    await open(breaker);
    await clock.advance(1299);
    expect([checkedAt, hung !== undefined, breaker.state]).toEqual([[], true, 'half-open']);
    await clock.advance(1);

    expect([checkedAt, breaker.state, clock.pendingCount]).toEqual([[1300], 'closed', 0]);
  });
});

describe('charter L3: save and restore', () => {
  it('circuit record (1) keeps an open circuit open for what remains of its time, and tells nobody', async () => {
    const [clock, later] = [virtualClock(5000), virtualClock(77)];
    const events = createEvents();
    const told = recordEvents(events);
    const breaker = make(clock);
    await open(breaker);
    const record: unknown = JSON.parse(JSON.stringify(breaker.save(1_000_000)));
    const restored = (wallMs: number): CircuitBreaker => {
      const other = make(later, { events });
      expect(other.restore(record, { wallMs })).toBe(true);
      return other;
    };

    expect(restored(1_000_400).snapshot()).toMatchObject({ state: 'open', remainingOpenMs: 600, transitions: {} });
    expect(restored(999_000).snapshot()).toMatchObject({ state: 'open', remainingOpenMs: 1000 });
    expect(restored(1_002_000).state).toBe('half-open');
    expect(told.events).toEqual([]);
  });

  it('circuit record (2) believes nothing that is broken or too old', async () => {
    const breaker = make(virtualClock());
    await open(breaker);
    const record = breaker.save(1_000_000);
    const other = make(virtualClock());
    const bad = [
      undefined,
      'open',
      {},
      { ...record, version: 2 },
      { ...record, savedAt: 'yesterday' },
      { ...record, remainingOpenMs: -1 },
      { ...record, reopenings: undefined },
      { ...record, window: [{ ageMs: 0, calls: 1, failures: 2 }] },
      { ...record, window: [{ ageMs: 0, calls: 1e9, failures: 0 }] },
      { ...record, window: [null] },
    ];

    for (const broken of bad) expect(other.restore(broken, { wallMs: 1_000_000 })).toBe(false);
    expect(other.restore(record, { wallMs: 1_000_000 + 3_600_001 })).toBe(false);
    expect(other.restore(record, { wallMs: 1_000_500, maxAgeMs: 499 })).toBe(false);
    expect(other.state).toBe('closed');
    expect(other.restore(record, { wallMs: 1_000_000 + 3_600_000 })).toBe(true);
  });

  it.each([
    [{ kind: 'count', size: 4 }],
    [{ kind: 'time', durationMs: 1000, bucketCount: 10 }],
    [{ kind: 'consecutive', failureCount: 3 }],
  ] as const)('goes on with the window: %j', async (window) => {
    const clock = virtualClock();
    const options = window.kind === 'consecutive' ? { window } : { window, minimumCalls: 3 };
    const breaker = circuitBreaker({ clock, ...options });
    await fail(breaker);
    await clock.advance(200);
    await fail(breaker);
    const other = circuitBreaker({ clock, ...options });
    expect(other.restore(breaker.save(0), { wallMs: 0 })).toBe(true);
    expect(other.snapshot()).toMatchObject({ calls: 2, failures: 2 });
    await fail(other);

    expect(other.state).toBe('open');
  });

  it('forgets what would have left a window of time meanwhile', async () => {
    const clock = virtualClock();
    const options = { clock, window: { kind: 'time', durationMs: 1000 } } as const;
    const breaker = circuitBreaker(options);
    await fail(breaker);
    await clock.advance(500);
    await fail(breaker);
    const other = circuitBreaker(options);
    other.restore(breaker.save(0), { wallMs: 700 });

    expect(other.snapshot().calls).toBe(1);
  });
});
