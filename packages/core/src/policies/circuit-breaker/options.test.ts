import { describe, expect, it } from 'vitest';

import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { type CircuitWindow, circuitBreaker, circuitBreakerDefaults } from './circuit-breaker.ts';

describe('the options of circuitBreaker', () => {
  const always = (): boolean => true;
  const dayMs = 86_400_000;
  const rules = {
    name: { kind: 'name' },
    failureRatio: { kind: 'ratio' },
    minimumCalls: { kind: 'integer', min: 1, max: 10_000 },
    openForMs: { kind: 'number', min: 1, max: dayMs },
    maxProbes: { kind: 'integer', min: 1, max: 1000 },
    probeSuccessRatio: { kind: 'ratio' },
    probeLeaseMs: { kind: 'number', min: 1, max: dayMs },
    openBackoffRatio: { kind: 'number', min: 1, max: 10 },
    openJitterRatio: { kind: 'number', min: 0, max: 0.9 },
    rampUpMs: { kind: 'number', min: 0, max: 3_600_000 },
    minTimeoutToJudgeMs: { kind: 'number', min: 0, max: 3_600_000 },
    failureCount: { kind: 'integer', min: 1, max: 10_000 },
    slowCallMs: { kind: 'number', min: 1, max: Infinity },
    classify: { kind: 'function' },
    shouldOpen: { kind: 'function' },
    healthCheck: { kind: 'function' },
  } as const;

  it.each(optionTable('circuitBreaker', rules, { window: { kind: 'count', size: 10_000 } }))(
    '$title',
    ({ options, expected }) => {
      expect(verdictOn(circuitBreaker, options)).toBe(expected);
    },
  );

  it.each([
    [{ kind: 'count', size: 20 }, 'accepted'],
    [{ kind: 'count', size: 10_000 }, 'accepted'],
    [{ kind: 'count', size: 19 }, 'accepted'],
    [{ kind: 'count', size: 10_001 }, 'window.size must be an integer from 1 to 10000, got 10001'],
    [{ kind: 'count' }, 'window.size must be an integer from 1 to 10000, got undefined'],
    [{ kind: 'consecutive', failureCount: 1 }, 'accepted'],
    [{ kind: 'consecutive', failureCount: 0 }, 'window.failureCount must be an integer from 1 to 10000, got 0'],
    [{ kind: 'consecutive' }, 'window.failureCount must be an integer from 1 to 10000, got undefined'],
    [{ kind: 'time', durationMs: 1 }, 'accepted'],
    [{ kind: 'time', durationMs: 3_600_000, bucketCount: 100 }, 'accepted'],
    [{ kind: 'time', durationMs: 0 }, 'window.durationMs must be a number from 1 to 3600000, got 0'],
    [{ kind: 'time', durationMs: Infinity }, 'window.durationMs must be a number from 1 to 3600000, got Infinity'],
    [{ kind: 'time', durationMs: 1, bucketCount: 0 }, 'window.bucketCount must be an integer from 1 to 100, got 0'],
    [{ kind: 'time', durationMs: 1, bucketCount: 101 }, 'window.bucketCount must be an integer from 1 to 100, got 101'],
    [{ kind: 'bits', size: 9 }, 'window.kind must be one of "count", "time", "consecutive", got "bits"'],
    [null, 'window.kind must be one of "count", "time", "consecutive", got undefined'],
  ])('take the window %j: %s', (window, expected) => {
    expect(verdictOn(circuitBreaker, { window })).toContain(expected);
  });

  it.each([
    [{ window: { kind: 'count', size: 19 }, minimumCalls: 20 }, 'minimumCalls must be an integer from 1 to 19, got 20'],
    [{ window: { kind: 'count', size: 19 }, failureCount: 20 }, 'failureCount must be an integer from 1 to 19, got 20'],
    [{ confidenceRatio: 0.5 }, 'accepted'],
    [{ confidenceRatio: 0.9999 }, 'accepted'],
    [{ confidenceRatio: 0.49 }, 'confidenceRatio must be a number from 0.5 to 0.9999, got 0.49'],
    [{ confidenceRatio: 0.95, minimumCalls: 5 }, 'minimumCalls must be omitted with confidenceRatio, got 5'],
    [{ confidenceRatio: 0.95, window: { kind: 'count', size: 3 } }, 'accepted'],
    [{ openForMs: 1000, maxOpenForMs: 1000 }, 'accepted'],
    [{ openForMs: 1000, maxOpenForMs: 999 }, 'maxOpenForMs must be a number from 1000 to 86400000, got 999'],
    [{ openForMs: 86_400_000 }, 'accepted'],
    [{ slowRatio: 0.5 }, 'slowRatio must be omitted without slowCallMs, got 0.5'],
    [{ slowRatio: 0, slowCallMs: 5 }, 'slowRatio must be a number above 0, up to 1, got 0'],
    [{ shouldOpen: always, failureRatio: 0.5 }, 'failureRatio must be omitted with shouldOpen, got 0.5'],
    [{ shouldOpen: always, slowCallMs: 5 }, 'accepted'],
    [{ shouldOpen: always, slowCallMs: 5, slowRatio: 1 }, 'slowRatio must be omitted with shouldOpen, got 1'],
    [{ window: { kind: 'consecutive', failureCount: 3 }, failureCount: 3 }, 'failureCount must be omitted with'],
    [{ enforcement: 'sometimes' }, 'enforcement must be one of "enforce", "observe", "off", got "sometimes"'],
  ])('charter S5: together, %j: %s', (options, expected) => {
    expect(verdictOn(circuitBreaker, options)).toContain(expected);
  });

  it('are refused with the known ones where one is unknown', () => {
    expect(verdictOn(circuitBreaker, { threshold: 0.5 })).toContain(
      'circuitBreaker has no option "threshold"; it knows',
    );
  });

  it('are not kept: changing the window afterwards changes nothing', async () => {
    const window: { kind: 'count'; size: number } = { kind: 'count', size: 20 };
    const breaker = circuitBreaker({ clock: virtualClock(), window });

    window.size = 2;
    breaker.reset();
    breaker.update({ openForMs: 5 });
    for (let call = 0; call < 5; call++) await breaker.execute(() => 'value');

    expect(breaker.snapshot().calls).toBe(5);
  });

  it('have defaults that are frozen, the window included', () => {
    const { window }: { window: CircuitWindow } = circuitBreakerDefaults;

    expect(Object.isFrozen(circuitBreakerDefaults)).toBe(true);
    expect(Object.isFrozen(window)).toBe(true);
  });
});
