import { describe, expect, it } from 'vitest';

import { combinePressure, heldUntil } from './pressure.ts';
import { signalRanges } from './signal.ts';

const combine = (readings: Parameters<typeof combinePressure>[0]) => combinePressure(readings, signalRanges);

describe('pressure', () => {
  it('(1) is that of the worst signal, and names it with its value and thresholds', () => {
    const { worst, signals } = combine({ shedRatio: 0.01, queueAgeMs: 40, loopUtilizationRatio: 0.85 });

    expect(worst).toEqual({ signal: 'queueAgeMs', value: 40, low: 10, high: 50, pressure: 0.75 });
    expect(signals.map(({ signal }) => signal)).toEqual(['shedRatio', 'queueAgeMs', 'loopUtilizationRatio']);
  });

  it('(1) names the one that is trusted more of two that are equal', () => {
    expect(combine({ loopStallMs: 1000, queueAgeMs: 50 }).worst?.signal).toBe('queueAgeMs');
    expect(combine({ loopStallMs: 0, shedRatio: 0 }).worst?.signal).toBe('shedRatio');
  });

  it('(2) never takes a signal that only confirms', () => {
    const { worst, signals } = combine({ sloBurnRate: 100, shedRatio: 0 });

    expect(worst?.signal).toBe('shedRatio');
    expect(signals.at(-1)?.signal).toBe('sloBurnRate');
  });

  it('(3) is not told where no signal is known that could raise', () => {
    expect(combine({}).worst).toBeUndefined();
    expect(combine({ sloBurnRate: 3, shedRatio: Number.NaN }).worst).toBeUndefined();
  });

  it('holds as long as the signal says that is above the bound, and never less long than before', () => {
    const at = { now: 1000, ranges: signalRanges, above: 0.1 };

    expect(heldUntil(0, combine({ heapRatio: 0.92 }), at)).toBe(16_000);
    expect(heldUntil(20_000, combine({ heapRatio: 0.92 }), at)).toBe(20_000);
    expect(heldUntil(0, combine({ shedRatio: 0.05 }), at)).toBe(1000);
    expect(heldUntil(0, combine({ heapRatio: 0.75 }), at)).toBe(0);
  });

  it('leaves out signals without a range', () => {
    expect(
      combinePressure({ shedRatio: 1, queueAgeMs: 20 }, { queueAgeMs: signalRanges.queueAgeMs }).signals,
    ).toHaveLength(1);
  });
});
