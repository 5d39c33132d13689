import { describe, expect, it } from 'vitest';

import { type LevelRules, type LevelState, levelAtRest, observePressure } from './brownout-level.ts';
import { brownoutDefaults } from './brownout.ts';
import { combinePressure } from './pressure.ts';
import { type Readings, signalRanges } from './signal.ts';

const rules: LevelRules = { ...brownoutDefaults, ranges: signalRanges };

/** Observes every half second from `from` on, up to and including `to`. */
function play(state: LevelState, [from, to]: readonly [number, number], readings: Readings): LevelState {
  let current = state;
  for (let now = from; now <= to; now += 500)
    current = observePressure(current, combinePressure(readings, signalRanges), now, rules);
  return current;
}

/** A shed ratio of this pressure. */
const shed = (pressure: number): Readings => ({ shedRatio: 0.001 + pressure * 0.049 + 1e-12 });

describe('brownout level', () => {
  it.each<[number, string, number]>([
    [0.25, 'raised', 0.15],
    [1, 'raised', 0.6],
    [3, 'raised', 0.6],
    [0.24, 'held', 0],
    [0.11, 'held', 0],
    [0.099, 'held', 0],
  ])('(1), (2) at pressure %s is %s, to %s', (pressure, decision, level) => {
    const state = play(levelAtRest, [0, 0], shed(pressure));

    expect(state.decision).toBe(decision);
    expect(state.pace.level).toBeCloseTo(level);
  });

  it('(1) falls up to the lower bound, holds between the two, and waits until the key of the last raise may turn', () => {
    const raised = play(levelAtRest, [0, 0], shed(1));

    expect(play(raised, [500, 9500], shed(0))).toMatchObject({ decision: 'waiting', pace: { level: 0.6 } });
    expect(play(raised, [500, 30_000], shed(0.2))).toMatchObject({ decision: 'held', pace: { level: 0.6 } });
    const fallen = play(raised, [500, 10_000], shed(0.09));
    expect(fallen.decision).toBe('lowered');
    expect(fallen.pace.level).toBeCloseTo(0.55);
  });

  it('(2) counts the time of one observation as at most a second, and none that goes back', () => {
    const once = observePressure(levelAtRest, combinePressure(shed(0.5), signalRanges), 0, rules);
    const frozen = observePressure(once, combinePressure(shed(0.5), signalRanges), 3_600_000, rules);
    const back = observePressure(frozen, combinePressure(shed(0.5), signalRanges), 0, rules);

    expect(frozen.pace.level).toBeCloseTo(0.3 + 0.6);
    expect(back.pace.level).toBe(frozen.pace.level);
  });

  it('(3) adds a whole level after each half second of severe pressure', () => {
    const levels = [0, 500, 1000, 1500, 2000, 2500].map((to) => play(levelAtRest, [0, to], shed(5)).pace.level);

    expect(levels.map((level) => Number(level.toFixed(6)))).toEqual([0.6, 1.6, 2.6, 3.6, 4, 4]);
  });

  it('(3) adds none where pressure is severe for a moment only', () => {
    let state = levelAtRest;
    for (let now = 0; now < 10_000; now += 500) state = play(state, [now, now], shed(now % 1000 === 0 ? 8 : 0.2));

    expect(state.pace.level).toBeCloseTo(1);
  });

  it('(4) is kept by a signal that only confirms, and never raised by it', () => {
    const burning: Readings = { shedRatio: 0, sloBurnRate: 100 };

    expect(play(levelAtRest, [0, 60_000], burning).pace.level).toBe(0);
    const raised = play(levelAtRest, [0, 0], shed(1));
    expect(play(raised, [500, 60_000], burning)).toMatchObject({ decision: 'held', pace: { level: 0.6 } });
    expect(play(raised, [500, 30_000], { shedRatio: 0, sloBurnRate: 1 }).pace.level).toBe(0);
  });

  it('(4) is kept for the hold time of the heap', () => {
    const raised = play(levelAtRest, [0, 0], { heapRatio: 0.92 });

    expect(play(raised, [500, 14_500], { heapRatio: 0.1 }).decision).toBe('held');
    expect(play(raised, [500, 15_000], { heapRatio: 0.1 }).decision).toBe('lowered');
  });

  it('(5) holds without any reading for a time, then falls', () => {
    const raised = play(levelAtRest, [0, 0], shed(1));

    expect(play(raised, [500, 30_000], {})).toMatchObject({ decision: 'held', pace: { level: 0.6 } });
    expect(play(raised, [500, 30_500], {}).decision).toBe('lowered');
    expect(play(play(raised, [500, 30_000], {}), [30_500, 30_500], shed(0.2)).blindSince).toBeUndefined();
  });

  it('is held where it has arrived at either end', () => {
    expect(play(levelAtRest, [0, 5000], shed(0)).decision).toBe('held');
    expect(play(levelAtRest, [0, 5000], shed(9))).toMatchObject({ decision: 'held', pace: { level: 4 } });
  });
});
