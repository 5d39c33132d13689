import { describe, expect, it } from 'vitest';

import type { Context } from '../../kernel/context.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { never, settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker, circuitBreakerDefaults, circuitBreakerKind, circuitBreakerRules } from './circuit-breaker.ts';

const fail = (breaker: { execute(operation: () => never): Promise<unknown> }) =>
  settled(
    breaker.execute(() => {
      throw new Error('down');
    }),
  );

describe('what a circuit breaker says of itself', () => {
  const { name: _name, classify: _classify, enforcement: _enforcement, ...plain } = circuitBreakerDefaults;
  const byDefault = Object.fromEntries(
    Object.entries(plain).filter(([key]) => Object.hasOwn(circuitBreakerRules, key)),
  );

  it('is its options, functions named as such, and what they mean to others', () => {
    expect(circuitBreaker().describe()).toEqual({
      kind: 'circuit-breaker',
      name: 'circuit-breaker',
      enforcement: 'enforce',
      options: { ...byDefault, classify: '[function]' },
      traits: { countsFailures: true, isShared: true, probeLeaseMs: 30_000 },
    });
    expect(
      circuitBreaker({ name: 'prices', enforcement: 'observe', slowCallMs: 300, failureCount: 7 }).describe(),
    ).toEqual({
      kind: 'circuit-breaker',
      name: 'prices',
      enforcement: 'observe',
      options: { ...byDefault, classify: '[function]', slowCallMs: 300, failureCount: 7 },
      traits: { countsFailures: true, isShared: true, probeLeaseMs: 30_000, slowCallMs: 300 },
    });
  });

  it('has a kind for configuration', () => {
    expect(circuitBreakerKind).toEqual({
      kind: 'circuit-breaker',
      rules: circuitBreakerRules,
      required: [],
      defaults: circuitBreakerDefaults,
      create: circuitBreaker,
    });
    expect(circuitBreaker().kind).toBe('circuit-breaker');
  });

  it('is a layer of any pipeline, and wraps functions', async () => {
    const breaker = circuitBreaker({ minimumCalls: 1 });
    const half = breaker.wrap((value: number) => value / 2);

    await expect(half(8)).resolves.toBe(4);
    await expect(pipeline(breaker).execute(() => 5)).resolves.toBe(5);
    expect(breaker.snapshot().verdicts.success).toBe(2);
  });

  it.each([
    [
      { maxOpenForMs: 999, openForMs: 1000 },
      'circuitBreaker.maxOpenForMs must be a number from 1000 to 86400000, got 999',
    ],
    [{ name: '' }, 'circuitBreaker.name must be a non-empty string, got ""'],
    [{ healthCheck: 'often' as never }, 'circuitBreaker.healthCheck must be a function, got "often"'],
    [{ minimumCalls: 5, window: { kind: 'count', size: 4 } as const }, 'must be an integer from 1 to 4, got 5'],
  ])('refuses %j', (options, message) => {
    expect(() => circuitBreaker(options)).toThrow(message);
  });

  it.each([{ name: 'other' }, { healthCheck: () => true }, { clock: virtualClock() }])(
    'cannot change %j',
    (changes) => {
      expect(() => circuitBreaker().update(changes as never)).toThrow(/circuitBreaker\.update has no option/);
    },
  );

  it('is not what another breaker was made with, however alike', () => {
    const of = (window: object, more: object = {}) =>
      circuitBreaker({ minimumCalls: 1, window: window as never, ...more }).describe().options;

    expect(of({ kind: 'count', size: 4 })).toMatchObject({ window: { kind: 'count', size: 4 } });
    expect(of({ kind: 'count', size: 5 })).toMatchObject({ window: { kind: 'count', size: 5 } });
    expect(of({ kind: 'time', durationMs: 5 })).toMatchObject({ window: { kind: 'time', durationMs: 5 } });
    expect(of({ kind: 'time', durationMs: 5, bucketCount: 5 })).toMatchObject({ window: { bucketCount: 5 } });
    expect(of({ kind: 'count', size: 5 }, { failureRatio: 0.3 })).toMatchObject({ failureRatio: 0.3 });
    expect(of({ kind: 'count', size: 5 }, { failureRatio: 0.4 })).toMatchObject({ failureRatio: 0.4 });
    expect(of({ kind: 'count', size: 5 })).toMatchObject({ failureRatio: 0.5 });
  });

  it('is disposed of without a health check, too', () => {
    expect(() => circuitBreaker()[Symbol.dispose]()).not.toThrow();
  });
});

describe('the active health check, at its edges', () => {
  const make = (clock: ReturnType<typeof virtualClock>, healthCheck: (context: Context) => unknown) =>
    circuitBreaker({
      clock,
      minimumCalls: 1,
      openForMs: 100,
      maxProbes: 2,
      probeLeaseMs: 50,
      probeSuccessRatio: 1,
      healthCheck,
    });

  it('health check (1) has no timer once the circuit was closed by somebody else, and none for a held one', async () => {
    const clock = virtualClock();
    const breaker = make(clock, () => true);
    await fail(breaker);
    expect(clock.pendingCount).toBe(1);
    breaker.reset();
    expect(clock.pendingCount).toBe(0);

    await fail(breaker);
    await clock.advance(30);
    breaker.reset();
    await fail(breaker);
    expect(clock.pendingCount).toBe(1);
  });

  it('health check (2) runs as a probe whose lease is its deadline, and fails by it', async () => {
    const clock = virtualClock();
    const deadlines: number[] = [];
    const breaker = make(clock, (context) => {
      deadlines.push(context.deadline);
      return never();
    });
    await fail(breaker);
    await clock.advance(100);
    expect([deadlines, breaker.snapshot().state]).toEqual([[150], 'half-open']);
    await clock.advance(50);

    expect(breaker.snapshot()).toMatchObject({ state: 'open', reopenings: 1 });
    expect(clock.pendingCount).toBe(1);
  });

  it('health check (3) ends with its breaker, also between two checks', async () => {
    const clock = virtualClock();
    let checks = 0;
    const breaker = make(clock, () => {
      checks++;
      breaker[Symbol.dispose]();
      return true;
    });
    await fail(breaker);
    await clock.advance(100);
    await settle();
    await clock.advance(1000);
    expect([checks, breaker.state, clock.pendingCount]).toEqual([1, 'half-open', 0]);

    breaker[Symbol.dispose]();
    breaker.reset();
    await fail(breaker);
    expect(clock.pendingCount).toBe(0);
  });
});
