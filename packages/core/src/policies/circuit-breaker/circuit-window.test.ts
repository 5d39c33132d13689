import { describe, expect, it } from 'vitest';

import { ConsecutiveWindow } from '../../mechanisms/consecutive-window.ts';
import { CountWindow } from '../../mechanisms/count-window.ts';
import { TimeWindow } from '../../mechanisms/time-window.ts';
import { type CircuitWindow, windowFactory, windowRule } from './circuit-window.ts';

const make = (window: unknown) => windowFactory(window as CircuitWindow)();

describe('circuit window', () => {
  it('makes the window of each kind', () => {
    expect(make({ kind: 'count', size: 3 })).toEqual(new CountWindow(3));
    expect(make({ kind: 'time', durationMs: 500 })).toEqual(new TimeWindow(500, 10));
    expect(make({ kind: 'time', durationMs: 500, bucketCount: 4 })).toEqual(new TimeWindow(500, 4));
    expect(make({ kind: 'consecutive', failureCount: 4 })).toEqual(new ConsecutiveWindow());
  });

  it.each([
    [undefined, 'ConfigError: circuitBreaker.window.kind must be one of "count", "time", "consecutive", got undefined'],
    [null, 'ConfigError: circuitBreaker.window.kind must be one of "count", "time", "consecutive", got undefined'],
    [
      { kind: 'calls' },
      'ConfigError: circuitBreaker.window.kind must be one of "count", "time", "consecutive", got "calls"',
    ],
    [{ kind: 'count' }, 'ConfigError: circuitBreaker.window.size must be an integer from 1 to 10000, got undefined'],
    [
      { kind: 'count', size: 3, durationMs: 1 },
      'TypeError: circuitBreaker.window has no option "durationMs"; it knows kind, size',
    ],
    [
      { kind: 'time', durationMs: 0 },
      'ConfigError: circuitBreaker.window.durationMs must be a number from 1 to 3600000, got 0',
    ],
    [
      { kind: 'time', durationMs: 1, bucketCount: 101 },
      'ConfigError: circuitBreaker.window.bucketCount must be an integer from 1 to 100, got 101',
    ],
    [
      { kind: 'time', durationMs: 1, size: 1 },
      'TypeError: circuitBreaker.window has no option "size"; it knows bucketCount, durationMs, kind',
    ],
    [
      { kind: 'consecutive', failureCount: 0 },
      'ConfigError: circuitBreaker.window.failureCount must be an integer from 1 to 10000, got 0',
    ],
    [
      { kind: 'consecutive', failureCount: 1, size: 1 },
      'TypeError: circuitBreaker.window has no option "size"; it knows failureCount, kind',
    ],
  ])('refuses %j', (window, message) => {
    let error: unknown;
    try {
      make(window);
    } catch (thrown) {
      error = thrown;
    }

    expect(String(error)).toBe(message);
    expect(windowRule.accepts(window)).toBe(false);
  });

  it('is the same in JSON Schema', () => {
    const shape = (kind: string, properties: object, required: string) => ({
      type: 'object',
      properties: { kind: { const: kind }, ...properties },
      required: ['kind', required],
      additionalProperties: false,
    });
    const integer = (maximum: number) => ({ type: 'integer', minimum: 1, maximum });

    expect(windowRule.expectation).toBe('a window');
    expect(windowRule.accepts({ kind: 'count', size: 3 })).toBe(true);
    expect(windowRule.schema).toEqual({
      oneOf: [
        shape('count', { size: integer(10_000) }, 'size'),
        shape(
          'time',
          { durationMs: { type: 'number', minimum: 1, maximum: 3_600_000 }, bucketCount: integer(100) },
          'durationMs',
        ),
        shape('consecutive', { failureCount: integer(10_000) }, 'failureCount'),
      ],
    });
  });
});
