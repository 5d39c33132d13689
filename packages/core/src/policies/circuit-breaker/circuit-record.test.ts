import { describe, expect, it } from 'vitest';

import { virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker } from './circuit-breaker.ts';

const run = { ageMs: 0, calls: 3, failures: 1 };
const record = { version: 1, savedAt: 1000, reopenings: 0, window: [run] };

const restores = (changes: object): boolean =>
  circuitBreaker({ clock: virtualClock() }).restore({ ...record, ...changes }, { wallMs: 1000 });

describe('a circuit record', () => {
  it.each([
    [{}],
    [{ remainingOpenMs: 0 }],
    [{ remainingOpenMs: Number.MAX_VALUE }],
    [{ reopenings: 3 }],
    [{ window: [] }],
    [{ window: [{ ...run, failures: 3 }] }],
    [{ window: [{ ...run, calls: 0, failures: 0 }] }],
    [{ window: [{ ...run, ageMs: 1e9 }] }],
  ])('(2) is believed with %j', (changes) => {
    expect(restores(changes)).toBe(true);
  });

  it.each([
    [{ version: 0 }],
    [{ savedAt: Number.NaN }],
    [{ savedAt: '1000' }],
    [{ remainingOpenMs: '5' }],
    [{ remainingOpenMs: Infinity }],
    [{ remainingOpenMs: null }],
    [{ reopenings: -1 }],
    [{ reopenings: '1' }],
    [{ window: undefined }],
    [{ window: { length: 0 } }],
    [{ window: [undefined] }],
    [{ window: ['run'] }],
    [{ window: [run, null] }],
    [{ window: [{ ...run, ageMs: -1 }] }],
    [{ window: [{ ...run, ageMs: undefined }] }],
    [{ window: [{ ...run, calls: 2.5 }] }],
    [{ window: [{ ...run, calls: -3, failures: -3 }] }],
    [{ window: [{ ...run, failures: 0.5 }] }],
    [{ window: [{ ...run, failures: -1 }] }],
    [{ window: [{ ...run, failures: 4 }] }],
    [{ window: [{ ...run, calls: '3' }] }],
    [{ window: [{ ...run, calls: 10_000_001 }] }],
    [
      {
        window: [
          { ...run, calls: 6_000_000 },
          { ...run, calls: 6_000_000 },
        ],
      },
    ],
  ])('(2) is not believed with %j', (changes) => {
    expect(restores(changes)).toBe(false);
  });
});
