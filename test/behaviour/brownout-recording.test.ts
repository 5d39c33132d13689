/**
 * What a real HTTP service told its brownout at 1.2 times its capacity for 80 s, and at half of it for a minute after, played
 * again. Recorded with `test/bench/brownout/record.ts`.
 *
 * @module
 */

import { createBrownout, featureLevel } from '@holdfast/degradation';
import { describe, expect, it } from 'vitest';

import { SIGNALS } from '../bench/brownout/work.ts';
import recording from './brownout-recording.json' with { type: 'json' };

const users = Array.from({ length: 200 }, (_each, index) => `user-${index}`);

/** Plays the recording: the level of each user at each sample. */
function play() {
  const brownout = createBrownout({ signals: SIGNALS });
  return recording.samples.map(({ at, level: _recorded, ...readings }) => {
    brownout.observe(readings, at);
    const moment = { level: brownout.level, maxLevel: brownout.maxLevel };
    return {
      at,
      ...moment,
      levels: users.map((key) => brownout.levelFor(key)),
      essential: Math.max(...users.map((key) => featureLevel({ essential: true }, { key, ...moment }))),
    };
  });
}

describe('a brownout on recorded signals', () => {
  it('is at the levels at which the service was', () => {
    const levels = play().map(({ level }) => level);

    for (const [index, { level }] of recording.samples.slice(1).entries()) expect(levels[index]).toBeCloseTo(level, 2);
  });

  it('reacts, and changes the level of no user twice within 10 s', () => {
    const played = play();
    const changedAt = users.map(() => Number.NEGATIVE_INFINITY);

    for (const [index, { at, levels }] of played.entries()) {
      const before = played[index - 1]?.levels ?? users.map(() => 0);
      for (const [user, level] of levels.entries()) {
        if (level === before[user]) continue;
        expect(at - (changedAt[user] as number)).toBeGreaterThanOrEqual(10_000);
        changedAt[user] = at;
      }
    }
    expect(Math.max(...played.map(({ level }) => level))).toBeGreaterThan(0.5);
  });

  it('is at level 0 again within 60 s after the load has ended, and stays there', () => {
    const after = play().filter(({ at }) => at > recording.overAtMs + 60_000);

    expect(after.length).toBeGreaterThan(0);
    expect(new Set(after.map(({ level }) => level))).toEqual(new Set([0]));
  });

  it('never touches what is essential', () => {
    expect(new Set(play().map(({ essential }) => essential))).toEqual(new Set([0]));
  });
});
