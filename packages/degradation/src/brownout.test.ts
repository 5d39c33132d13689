import { createEvents } from '@holdfast/core';
import { recordEvents } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { levelFor } from './brownout-bucket.ts';
import { type Brownout, createBrownout } from './brownout.ts';

/** Observes a shed ratio every half second from `from` on, up to and including `to`. */
function shed(brownout: Brownout, [from, to]: readonly [number, number], ratio: number, fleetLevel?: number): void {
  for (let now = from; now <= to; now += 500) brownout.observe({ shedRatio: ratio }, now, fleetLevel);
}

describe('brownout', () => {
  it('(1), (2) knows what observe was told, and answers before it was told anything', () => {
    const brownout = createBrownout();
    expect([brownout.level, brownout.shownLevel, brownout.levelFor('ada')]).toEqual([0, 0, 0]);
    expect(brownout.explain().text).toBe('level 0 of 4, held: no signal is known (rises from 0.25, falls up to 0.1)');

    shed(brownout, [0, 0], 0.05);

    expect(brownout.level).toBeCloseTo(0.6);
    expect(brownout.levelFor('ada')).toBe(levelFor('ada', brownout.level));
  });

  it('tells the signal, its value, its thresholds and since when', () => {
    const brownout = createBrownout();
    shed(brownout, [0, 500], 0);
    shed(brownout, [1000, 3500], 0.0255);

    expect(brownout.explain()).toMatchObject({
      level: 1,
      localLevel: 1,
      fleetLevel: undefined,
      shownLevel: 1,
      shownSince: 1500,
      since: 1000,
      worst: { signal: 'shedRatio', value: 0.0255, low: 0.001, high: 0.05, pressure: expect.closeTo(0.5) },
      minRaisePressure: 0.25,
      maxLowerPressure: 0.1,
      decision: 'waiting',
      measures: ['brownout'],
      text: 'level 1 of 4 for 2.5 s, waiting: shedRatio is 0.0255 of 0.001 to 0.05, pressure 0.5 (rises from 0.25, falls up to 0.1)',
    });
  });

  it('is at 0 again within a minute after the highest level, and tells no time then', () => {
    const brownout = createBrownout();
    shed(brownout, [0, 10_000], 1);
    expect(brownout.level).toBe(4);

    shed(brownout, [10_500, 60_000], 0);

    expect(brownout.level).toBe(0);
    expect(brownout.explain().since).toBeUndefined();
  });

  it('(3) follows the fleet at the same pace, up and down', () => {
    const brownout = createBrownout();
    shed(brownout, [0, 9500], 0, 3);
    expect(brownout.level).toBe(1);
    shed(brownout, [10_000, 20_000], 0, 3);
    expect(brownout.level).toBe(3);
    shed(brownout, [20_500, 29_500], 0, 0);
    expect(brownout.level).toBe(3);
    shed(brownout, [30_000, 30_000], 0);
    expect(brownout.level).toBe(2);
  });

  it('(4) keeps the level of the fleet out of its own', () => {
    const brownout = createBrownout();
    shed(brownout, [0, 60_000], 0, 4);
    expect([brownout.level, brownout.localLevel]).toEqual([4, 0]);
  });

  it('(4) stays at its own level where the fleet is better off', () => {
    const brownout = createBrownout();
    shed(brownout, [0, 5000], 1, 0);
    expect([brownout.level, brownout.localLevel]).toEqual([4, 4]);
  });

  it('tells when another level is shown, and why', () => {
    const events = createEvents();
    const recorded = recordEvents(events);
    const brownout = createBrownout({ name: 'shop', events });

    shed(brownout, [0, 2000], 0.02);
    shed(brownout, [2500, 30_000], 0);

    expect(recorded.events).toMatchObject([
      { type: 'brownout.shown', policy: 'brownout', name: 'shop', from: 0, to: 1 },
      { type: 'brownout.shown', policy: 'brownout', name: 'shop', from: 1, to: 0 },
    ]);
    expect((recorded.events[0] as unknown as { reason: string }).reason).toContain(
      'shedRatio is 0.02 of 0.001 to 0.05',
    );
  });

  it.each([Number.NaN, Infinity, -Infinity])('(2) ignores what was read at %s, and a fleet at that level', (odd) => {
    const [brownout, other] = [createBrownout(), createBrownout()];

    for (const at of [odd, 500, odd, 1000, 1500]) {
      brownout.observe({ shedRatio: 0.02 }, at, odd);
      if (at !== odd) other.observe({ shedRatio: 0.02 }, at);
    }

    expect(other.level).toBeGreaterThan(0);
    expect(brownout.explain()).toEqual(other.explain());
    expect([brownout.level, brownout.levelFor('ada')]).toEqual([other.level, other.levelFor('ada')]);
  });

  it.each<[string, unknown, string]>([
    ['maxLevel', 0, 'an integer from 1 to 4'],
    ['maxLevel', 5, 'an integer from 1 to 4'],
    ['minRaisePressure', 1.1, 'a number from 0 to 1'],
    ['maxLowerPressure', 0.25, 'below minRaisePressure (0.25)'],
    ['minSeverePressure', 0.9, 'a number from 1 to 1000'],
    ['raiseLevelsPerSecond', 0, 'a number from 0.01 to 10'],
    ['lowerLevelsPerSecond', 0, 'a number from 0.001 to 10'],
    ['severeForMs', -1, 'a number from 0 to 60000'],
    ['dwellMs', 600_001, 'a number from 0 to 600000'],
    ['sampleMs', 9, 'a number from 10 to 60000'],
    ['maxBlindMs', -1, 'a number from 0 to 600000'],
    ['name', '', 'a non-empty string'],
    ['events', {}, 'an Events'],
    ['signals', [], 'an object of signals'],
  ])('refuses %s %s', (option, value, expectation) => {
    expect(() => createBrownout({ [option]: value })).toThrow(`brownout.${option} must be ${expectation}, got`);
  });

  it('refuses an option that there is not', () => {
    expect(() => createBrownout({ maxlevel: 3 } as object)).toThrow(TypeError);
  });
});
