import { describe, expect, it } from 'vitest';

import { after, never, settled } from '../../testing/operation-table.ts';
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

  it('health check (1) keeps no process alive while a check hangs, and gives up when its time is over', async () => {
    const clock = virtualClock();
    const breaker = make(clock, { healthCheck: never, maxProbes: 1, probeLeaseMs: 300 });
    await open(breaker);
    await clock.advance(1000);
    expect([breaker.state, clock.referencedCount]).toEqual(['half-open', 0]);
    await clock.advance(300);

    expect(breaker.snapshot()).toMatchObject({ state: 'open', reopenings: 1 });
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

describe('the active health check, in states of which nobody says when they end', () => {
  it.each([
    ['off', (breaker: CircuitBreaker) => breaker.update({ enforcement: 'off' })],
    ['held open', (breaker: CircuitBreaker) => void breaker.hold('open', { owner: 'ops', forMs: Infinity })],
    ['held closed', (breaker: CircuitBreaker) => void breaker.hold('closed', { owner: 'ops', forMs: Infinity })],
  ])('health check (2) runs no check while the breaker is %s, and does not hurry', async (_title, act) => {
    const clock = virtualClock();
    let [checks, timers] = [0, 0];
    const counted = {
      now: () => clock.now(),
      setTimer: (callback: () => void, delayMs: number) => {
        timers++;
        return clock.setTimer(callback, delayMs);
      },
    };
    const breaker = circuitBreaker({ minimumCalls: 2, openForMs: 1000, clock: counted, healthCheck: () => checks++ });
    await open(breaker);
    act(breaker);
    await clock.advance(10_000);

    expect(checks).toBe(0);
    expect(timers).toBeLessThan(15);
    expect(clock.pendingCount).toBe(1);
  });

  it('goes on when the hold ends, and after a restore', async () => {
    const clock = virtualClock();
    let checks = 0;
    const options = { healthCheck: () => checks++, maxProbes: 1 };
    const breaker = make(clock, options);
    await open(breaker);
    const record = breaker.save(0);
    const hold = breaker.hold('open', { owner: 'ops', forMs: 5000 });
    await clock.advance(2500);
    hold.release();
    await clock.advance(1);
    expect([checks, breaker.state]).toEqual([1, 'closed']);

    const other = make(clock, options);
    other.restore(record, { wallMs: 0 });
    await clock.advance(1001);
    expect([checks, other.state]).toEqual([2, 'closed']);
  });

  it('checks an undecided circuit again in a turn of its own, and never from within a check', async () => {
    const clock = virtualClock();
    let [depth, deepest, checks] = [0, 0, 0];
    const healthCheck = (): void => {
      deepest = Math.max(deepest, ++depth);
      checks++;
      depth--;
    };
    const breaker = make(clock, { healthCheck, maxProbes: 500, probeSuccessRatio: 1 });
    await open(breaker);
    await clock.advance(1001);

    expect([checks, deepest, breaker.state, clock.pendingCount]).toEqual([500, 1, 'closed', 0]);
  });
});
