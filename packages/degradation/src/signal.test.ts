import { describe, expect, it } from 'vitest';

import { type SignalName, pressureOf, resolveRanges, signalNames, signalRanges } from './signal.ts';

describe('signal', () => {
  it.each(signalNames.map((name) => [name, signalRanges[name]] as const))(
    '(1) is no pressure up to low, 1 at high, and more beyond: %s',
    (_name, range) => {
      const { low, high } = range;

      expect(pressureOf(0, range)).toBe(0);
      expect(pressureOf(low, range)).toBe(0);
      expect(pressureOf((low + high) / 2, range)).toBeCloseTo(0.5);
      expect(pressureOf(high, range)).toBe(1);
      expect(pressureOf(high + 4 * (high - low), range)).toBeCloseTo(5);
    },
  );

  it.each([undefined, Number.NaN, Infinity, -1, '0.5', null])('(2) is not known where the reading is %s', (value) => {
    expect(pressureOf(value, signalRanges.shedRatio)).toBeUndefined();
  });

  it('has the thresholds that were measured', () => {
    expect(
      Object.fromEntries(signalNames.map((name) => [name, [signalRanges[name].low, signalRanges[name].high]])),
    ).toEqual({
      shedRatio: [0.001, 0.05],
      queueAgeMs: [10, 50],
      loopUtilizationRatio: [0.8, 0.97],
      loopStallMs: [100, 1000],
      heapRatio: [0.75, 0.92],
      sloBurnRate: [2, 14.4],
    });
  });

  it('takes other thresholds, and leaves out what is false', () => {
    const ranges = resolveRanges('signals', { queueAgeMs: { high: 200, low: undefined as never }, heapRatio: false });

    expect(ranges.queueAgeMs).toEqual({ low: 10, high: 200, holdMs: 0, raises: true });
    expect(ranges.heapRatio).toBeUndefined();
    expect(ranges.shedRatio).toEqual(signalRanges.shedRatio);
  });

  it.each<[string, unknown, string]>([
    ['an array', [], 'signals must be an object of signals, got an array'],
    ['a signal that there is not', { cpu: {} }, 'signals has no signal "cpu"; it knows shedRatio, queueAgeMs'],
    ['a number', { shedRatio: 3 }, 'signals.shedRatio must be an object with low and high, or false, got 3'],
    [
      'a threshold that there is not',
      { shedRatio: { lo: 1 } },
      'signals.shedRatio has no option "lo"; it knows low, high',
    ],
    [
      'thresholds in the wrong order',
      { shedRatio: { low: 0.05 } },
      'signals.shedRatio.high must be above low (0.05), got 0.05',
    ],
    ['a negative threshold', { shedRatio: { low: -1 } }, 'signals.shedRatio.low must be a number from 0 to'],
    [
      'too long a hold',
      { heapRatio: { holdMs: 600_001 } },
      'signals.heapRatio.holdMs must be a number from 0 to 600000',
    ],
    ['a text', { heapRatio: { raises: 'yes' } }, 'signals.heapRatio.raises must be true or false, got "yes"'],
  ])('refuses %s', (_name, changes, message) => {
    expect(() => resolveRanges('signals', changes as { [Name in SignalName]?: false })).toThrow(message);
  });
});
