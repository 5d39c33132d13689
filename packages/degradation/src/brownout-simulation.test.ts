/**
 * A service under load on virtual time: arrivals at random, a bounded queue, work that a brownout makes cheaper. Every
 * sample, each user's mode of each feature is looked at, so that a flip is what a user would see.
 */

import { type Random } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { type BrownoutTraits, featureLevel, measuresAt } from './brownout-feature.ts';
import { type Brownout, createBrownout } from './brownout.ts';
import { createSignalMeter } from './signal-meter.ts';

/** What a second of the service is like. */
interface Conditions {
  /** Offered work as a share of what the service can do undegraded. */
  readonly load: number;
  /** What is left of its capacity: a slower dependency, a neighbour. */
  readonly capacity: number;
}

type Feature = BrownoutTraits & { readonly onLevel: Readonly<Record<number, string>> };

const features: Readonly<Record<string, Feature>> = {
  recommendations: { onLevel: { 1: 'cached', 3: 'off' } },
  reviews: { onLevel: { 2: 'off' } },
  images: { onLevel: { 1: 'small', 2: 'tiny', 4: 'off' } },
  checkout: { essential: true, onLevel: { 4: 'deferred' } },
};
const users = Array.from({ length: 100 }, (_each, index) => `user-${index}`);
/** What a request costs at each level, of what it costs at level 0. */
const COSTS = [1, 0.8, 0.5, 0.4, 0.35];
const STEP_MS = 10;
const REQUESTS_PER_SECOND = 500;

interface Flip {
  readonly at: number;
  readonly user: string;
  readonly feature: string;
  readonly to: string;
}

interface Played {
  readonly flips: readonly Flip[];
  /** The level after each sample. */
  readonly levels: readonly { readonly at: number; readonly level: number }[];
  readonly refusedRatio: number;
  readonly essentialTouched: readonly number[];
  /** When each measure was first taken. */
  readonly measuredAt: ReadonlyMap<string, number>;
}

/** Plays `seconds` of a service. The queue refuses what would wait longer than `queueMs`. */
function play(seed: number, seconds: number, at: (second: number) => Conditions, queueMs = 100): Played {
  const brownout = createBrownout();
  const service = serviceOf(seededRandom(seed), brownout, queueMs);
  const watch = watchOf(brownout);
  for (let now = STEP_MS; now <= seconds * 1000; now += STEP_MS) {
    service.step(now, at(now / 1000));
    if (now % 500 !== 0) continue;
    brownout.observe(service.read(now), now);
    watch.look(now);
  }
  return { ...watch.seen, refusedRatio: service.counts.refused / service.counts.arrived };
}

function serviceOf(random: Random, brownout: Brownout, queueMs: number) {
  const meter = createSignalMeter();
  const counts = { arrived: 0, refused: 0 };
  let [backlogMs, busyMs] = [0, 0];
  const step = (now: number, { load, capacity }: Conditions): void => {
    const doneMs = Math.min(backlogMs, STEP_MS);
    backlogMs -= doneMs;
    busyMs += doneMs;
    for (let left = poisson(random, (load * REQUESTS_PER_SECOND * STEP_MS) / 1000); left > 0; left--) {
      counts.arrived++;
      const user = users[Math.floor(random() * users.length)] as string;
      if (backlogMs > queueMs) {
        counts.refused++;
        meter.shed(now);
        continue;
      }
      meter.started(backlogMs, now);
      const cost = (COSTS[brownout.levelFor(user)] as number) * (0.5 - 0.5 * Math.log(1 - random()));
      backlogMs += (cost * 1000) / REQUESTS_PER_SECOND / capacity;
    }
  };
  const read = (now: number) => {
    const loopUtilizationRatio = Math.min(busyMs / 500, 1);
    busyMs = 0;
    return { ...meter.read(now), loopUtilizationRatio };
  };
  return { step, read, counts };
}

function watchOf(brownout: Brownout) {
  const flips: Flip[] = [];
  const levels: { at: number; level: number }[] = [];
  const essentialTouched: number[] = [];
  const measuredAt = new Map<string, number>();
  const modes = new Map<string, string>();
  const look = (now: number): void => {
    const { level, maxLevel } = brownout;
    levels.push({ at: now, level });
    for (const measure of measuresAt(level, maxLevel)) if (!measuredAt.has(measure)) measuredAt.set(measure, now);
    for (const user of users) {
      for (const [feature, traits] of Object.entries(features)) {
        const to = modeOf(traits, featureLevel(traits, { key: user, level, maxLevel }));
        if (traits.essential === true && to !== 'full') essentialTouched.push(level);
        const before = modes.get(`${user} ${feature}`) ?? 'full';
        if (to !== before) flips.push({ at: now, user, feature, to });
        modes.set(`${user} ${feature}`, to);
      }
    }
  };
  return { look, seen: { flips, levels, essentialTouched, measuredAt } };
}

function modeOf({ onLevel }: Feature, level: number): string {
  return Object.entries(onLevel).findLast(([from]) => Number(from) <= level)?.[1] ?? 'full';
}

/** Source: D. Knuth, The Art of Computer Programming, volume 2, section 3.4.1, 1997. */
function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count++;
  return count;
}

/** The shortest time between two flips of one feature for one user. */
function shortestMs(flips: readonly Flip[]): number {
  const last = new Map<string, number>();
  let shortest = Infinity;
  for (const { at, user, feature } of flips) {
    const key = `${user} ${feature}`;
    shortest = Math.min(shortest, at - (last.get(key) ?? Number.NEGATIVE_INFINITY));
    last.set(key, at);
  }
  return shortest;
}

const levelsFrom = ({ levels }: Played, fromMs: number) =>
  levels.filter(({ at }) => at >= fromMs).map(({ level }) => level);
const seeds = Array.from({ length: 10 }, (_each, index) => index + 1);
const steady = (load: number) => () => ({ load, capacity: 1 });

describe('brownout simulation', () => {
  it.each(seeds)(
    'flips no feature for a user more than once in 10 s in 400 s at 1.2 times the capacity, seed %s',
    (seed) => {
      const played = play(seed, 400, steady(1.2));

      expect(shortestMs(played.flips)).toBeGreaterThanOrEqual(10_000);
      expect(played.refusedRatio).toBeLessThan(0.02);
      expect(Math.max(...levelsFrom(played, 0))).toBeLessThan(3);
      expect(played.essentialTouched).toEqual([]);
    },
  );

  it.each([1.1, 1.3, 1.5])('flips none more than once in 10 s at %s times the capacity', (load) => {
    const played = play(1, 200, steady(load));
    expect(shortestMs(played.flips)).toBeGreaterThanOrEqual(10_000);
  });

  it.each([0.3, 0.5])('does nothing at %s times the capacity in 400 s', (load) => {
    expect(Math.max(...levelsFrom(play(5, 400, steady(load)), 0))).toBe(0);
  });

  it('does next to nothing at 0.7 times the capacity, where requests bunch by chance', () => {
    const levels = levelsFrom(play(5, 400, steady(0.7)), 0);

    expect(levels.reduce((sum, level) => sum + level, 0) / levels.length).toBeLessThan(0.1);
    expect(Math.max(...levels)).toBeLessThan(1);
  });

  it('flips none more than once in 10 s at twice the capacity, once the onset is over', () => {
    const { flips } = play(1, 200, steady(2));

    expect(shortestMs(flips.filter(({ at }) => at > 10_000))).toBeGreaterThanOrEqual(10_000);
  });

  it('takes its measures in the documented order, and touches what is essential last', () => {
    const { measuredAt, essentialTouched, flips } = play(2, 30, steady(3.2));

    expect([...measuredAt.keys()]).toEqual(['brownout', 'priority-shed', 'queue-timeouts', 'static-answers']);
    const instants = [...measuredAt.values()];
    expect(instants.every((at, index) => index === 0 || at > (instants[index - 1] as number))).toBe(true);
    expect(new Set(essentialTouched)).toEqual(new Set([4]));
    expect(flips.find(({ feature }) => feature === 'checkout')?.at).toBe(measuredAt.get('static-answers'));
  });

  it.each<[string, Conditions]>([
    ['load times 1.2', { load: 1.2, capacity: 1 }],
    ['load times 3', { load: 3, capacity: 1 }],
    ['capacity times 0.4', { load: 0.7, capacity: 0.4 }],
    ['capacity times 0.05', { load: 0.7, capacity: 0.05 }],
  ])('is at level 0 again within 60 s after %s for 60 s', (_name, trouble) => {
    const played = play(3, 180, (second) => (second > 20 && second <= 80 ? trouble : { load: 0.6, capacity: 1 }));

    expect(Math.max(...levelsFrom(played, 0))).toBeGreaterThan(0.5);
    expect(levelsFrom(played, 140_000)).toEqual(levelsFrom(played, 140_000).map(() => 0));
    expect(played.essentialTouched.every((level) => level === 4)).toBe(true);
  });
});
