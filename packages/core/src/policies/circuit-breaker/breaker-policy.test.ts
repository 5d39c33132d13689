import { afterEach, describe, expect, it } from 'vitest';

import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
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

  it('knows for how long it has been in its state, also in one that only time has brought', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { openForMs: 1000 });
    expect(breaker.snapshot().inStateMs).toBeUndefined();
    await open(breaker);
    await clock.advance(999);
    expect(breaker.snapshot()).toMatchObject({ state: 'open', inStateMs: 999 });
    await clock.advance(31);
    expect(breaker.snapshot()).toMatchObject({ state: 'half-open', inStateMs: 30 });
    breaker.hold('open', { owner: 'alice', forMs: 100 });
    await clock.advance(40);
    expect(breaker.snapshot()).toMatchObject({ state: 'forced-open', inStateMs: 40 });
    await clock.advance(60);
    expect(breaker.snapshot()).toMatchObject({ state: 'half-open', inStateMs: 0 });
    breaker.reset();
    await clock.advance(5);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', inStateMs: 5 });
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

describe('a circuit that is moved on by its own listeners', () => {
  const listening = (clock: VirtualClock, onHalfOpen: (breaker: CircuitBreaker) => void): CircuitBreaker => {
    const events = createEvents();
    const breaker = make(clock, { events, maxProbes: 1 });
    events.listen((event) => {
      if ('to' in event && event.to === 'half-open') onHalfOpen(breaker);
    });
    return breaker;
  };

  it('circuit (1) runs no call after a listener has had a probe fail', async () => {
    const clock = virtualClock();
    const breaker = listening(clock, (own) => own.tryAcquire()?.failure());
    await open(breaker);
    await clock.advance(1000);

    await expect(breaker.execute(() => 'runs')).rejects.toMatchObject({ reason: 'open' });
    expect(breaker.snapshot()).toMatchObject({ state: 'open', reopenings: 1 });
  });

  it('breaker (5) runs no call after a listener has held it open, and keeps no lease', async () => {
    const clock = virtualClock();
    let hold: { release(): boolean } | undefined;
    const breaker = listening(clock, (own) => (hold ??= own.hold('open', { owner: 'listener', forMs: Infinity })));
    await open(breaker);
    await clock.advance(1000);

    await expect(breaker.execute(() => 'runs')).rejects.toMatchObject({ reason: 'forced-open' });
    hold?.release();
    await expect(breaker.execute(() => 'runs')).resolves.toBe('runs');
  });
});

describe('charter O1: an update in the middle of things', () => {
  it.each([
    [{ maxProbes: 2 }, 'closed'],
    [{ maxProbes: 3 }, 'half-open'],
    [{ probeSuccessRatio: 0.4 }, 'closed'],
  ] as const)('decides a half-open round by the new rules: %j', async (changes, state) => {
    const clock = virtualClock();
    const breaker = make(clock, { maxProbes: 5, probeSuccessRatio: 0.8 });
    await open(breaker);
    await clock.advance(1000);
    await breaker.execute(() => 1);
    await breaker.execute(() => 1);
    breaker.update(changes);

    expect(breaker.state).toBe(state);
    await breaker.execute(() => 1);
    expect(breaker.state).toBe('closed');
  });

  it('opens a half-open circuit that cannot close any more', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { maxProbes: 5, probeSuccessRatio: 0.4 });
    await open(breaker);
    await clock.advance(1000);
    await fail(breaker);
    await fail(breaker);
    breaker.update({ probeSuccessRatio: 0.8 });

    expect(breaker.snapshot()).toMatchObject({ state: 'open', tripReason: 'probes', reopenings: 1 });
  });

  it('lets calls under way count no more once it is off', async () => {
    const breaker = make(virtualClock(), { minimumCalls: 1 });
    const permit = breaker.tryAcquire();
    breaker.update({ enforcement: 'off' });
    permit?.failure();

    expect(breaker.state).toBe('closed');
  });

  it.each(['success', 'failure'] as const)('lets no probe decide by its %s once it is off', async (verdict) => {
    const clock = virtualClock();
    const breaker = make(clock, { maxProbes: 1 });
    await open(breaker);
    await clock.advance(1000);
    const probe = breaker.tryAcquire();
    breaker.update({ enforcement: 'off' });
    probe?.[verdict]();

    expect(breaker.snapshot()).toMatchObject({ state: 'half-open', reopenings: 0 });
    breaker.update({ enforcement: 'enforce' });
    expect(breaker.tryAcquire()).toBeDefined();
  });

  it('puts a rule in the place of one that it contradicts', async () => {
    const breaker = circuitBreaker({ minimumCalls: 5, clock: virtualClock() });
    const optionsNow = () => Object.keys(breaker.describe().options);
    breaker.update({ confidenceRatio: 0.9 });
    expect(breaker.describe().options).toMatchObject({ confidenceRatio: 0.9 });
    expect(optionsNow()).not.toContain('minimumCalls');
    breaker.update({ minimumCalls: 7 });
    expect(optionsNow()).not.toContain('confidenceRatio');
    breaker.update({ window: { kind: 'consecutive', failureCount: 2 } });
    breaker.update({ shouldOpen: () => false });
    expect(optionsNow()).toContain('shouldOpen');
    breaker.update({ failureRatio: 0.9 });

    expect(optionsNow()).not.toContain('shouldOpen');
    expect(breaker.describe().options).toMatchObject({ failureRatio: 0.9, window: { kind: 'count' } });
  });

  it('keeps what another plan has changed meanwhile, or changes nothing where the two contradict', () => {
    const reported: unknown[] = [];
    onHookError((error) => reported.push(error.cause));
    const breaker = make(virtualClock());
    const [first, second] = [breaker.planUpdate({ openForMs: 5 }), breaker.planUpdate({ maxProbes: 7 })];
    const late = breaker.planUpdate({ maxOpenForMs: 1000 });
    first();
    second();
    expect(breaker.describe().options).toMatchObject({ openForMs: 5, maxProbes: 7 });
    breaker.update({ openForMs: 2000 });
    late();
    onHookError(undefined);

    expect(breaker.describe().options).not.toHaveProperty('maxOpenForMs');
    expect(reported).toMatchObject([{ option: 'circuitBreaker.maxOpenForMs' }]);
  });

  it('carries what was seen over into a window of another kind, the latest first', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { minimumCalls: 100, failureRatio: 1, window: { kind: 'time', durationMs: 10_000 } });
    for (let call = 0; call < 200; call++) breaker.tryAcquire()?.success();
    await clock.advance(2000);
    for (let call = 0; call < 90; call++) breaker.tryAcquire()?.failure();
    breaker.update({ window: { kind: 'count', size: 100 } });
    expect(breaker.snapshot()).toMatchObject({ calls: 100, failures: 90 });
    breaker.update({ window: { kind: 'consecutive', failureCount: 1000 } });

    expect(breaker.snapshot()).toMatchObject({ failures: 90 });
  });
});

describe('a record that asks for too much', () => {
  it('circuit record (1) keeps the circuit open no longer than its own rules could', async () => {
    const breaker = make(virtualClock(), { maxOpenForMs: 60_000, openJitterRatio: 0.5 });
    await open(breaker);
    const record = { ...breaker.save(0), remainingOpenMs: 1e300 };
    const other = make(virtualClock(), { maxOpenForMs: 60_000, openJitterRatio: 0.5 });

    expect(other.restore(record, { wallMs: 0 })).toBe(true);
    expect(other.snapshot().remainingOpenMs).toBe(90_000);
    expect(() => other.restore(record, { wallMs: Number.NaN })).toThrow('circuitBreaker.restore.wallMs must be');
    expect(() => other.save(Number.NaN)).toThrow('circuitBreaker.save.wallMs must be');
  });

  it('is read in no time, however many calls it tells of', () => {
    const breaker = make(virtualClock());
    const window = [{ ageMs: 0, calls: 10_000_000, failures: 5_000_000 }];
    const record = { version: 1, savedAt: 0, reopenings: 0, window };

    expect(breaker.restore(record, { wallMs: 0 })).toBe(true);
    expect(breaker.snapshot()).toMatchObject({ calls: 100, failures: 50 });
  });
});
