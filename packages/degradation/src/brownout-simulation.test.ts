/**
 * A service under load on virtual time: arrivals at random, a bounded queue, work that a brownout makes cheaper. Every
 * sample, each user's mode of each feature is read from the catalogue, so that a flip is what a user would see. Last come
 * brownouts that break what is promised, to show that these tests would notice.
 */

import { type Clock, type Random } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { brownoutMeasures, measuresAt } from './brownout-feature.ts';
import { type Brownout, type BrownoutOptions, createBrownout } from './brownout.ts';
import { type Catalogue, defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import { createSignalMeter } from './signal-meter.ts';

/** What a second of the service is like. */
interface Conditions {
  /** Offered work as a share of what the service can do undegraded. */
  readonly load: number;
  /** What is left of its capacity: a slower dependency, a neighbour. */
  readonly capacity: number;
}

const features = defineFeatures({
  recommendations: { modes: ['full', 'cached', 'off'], onLevel: { 1: 'cached', 3: 'off' } },
  reviews: { modes: ['full', 'off'], onLevel: { 2: 'off' } },
  images: { modes: ['full', 'small', 'tiny', 'off'], onLevel: { 1: 'small', 2: 'tiny', 4: 'off' } },
  checkout: { modes: ['full', 'deferred'], essential: true, onLevel: { 4: 'deferred' } },
});
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
  /** When each measure was first taken, and at which level. */
  readonly measuredAt: ReadonlyMap<string, { readonly at: number; readonly level: number }>;
  /** Mode of each feature for each user at the end. */
  readonly modes: ReadonlyMap<string, string>;
}

/** What is different from a service as it should be. */
interface Unlike {
  readonly options?: BrownoutOptions;
  readonly catalogue?: Catalogue;
  /** The time after which the queue refuses. Milliseconds. */
  readonly queueMs?: number;
}

/** Plays `seconds` of a service. */
function play(seed: number, seconds: number, at: (second: number) => Conditions, unlike: Unlike = {}): Played {
  const { options = {}, catalogue = features, queueMs = 100 } = unlike;
  const brownout = createBrownout(options);
  const service = serviceOf(seededRandom(seed), brownout, queueMs);
  const watch = watchOf(brownout, catalogue);
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

function watchOf(brownout: Brownout, catalogue: Catalogue) {
  const flips: Flip[] = [];
  const levels: { at: number; level: number }[] = [];
  const essentialTouched: number[] = [];
  const measuredAt = new Map<string, { at: number; level: number }>();
  const modes = new Map<string, string>();
  const time = { now: 0 };
  const degradation = createDegradation({ features: catalogue, clock: clockOf(time), wallClock: () => 0 });
  const handles = Object.keys(catalogue).map((name) => degradation.handle(name));
  const look = (now: number): void => {
    const { level, maxLevel } = brownout;
    time.now = now;
    degradation.setLevel(level, { actor: 'brownout', reason: 'simulated' });
    levels.push({ at: now, level });
    for (const measure of measuresAt(level, maxLevel))
      if (!measuredAt.has(measure)) measuredAt.set(measure, { at: now, level });
    for (const user of users) {
      for (const handle of handles) {
        const { mode: to, feature } = handle.read(undefined, { key: user });
        if (feature === 'checkout' && to !== 'full') essentialTouched.push(level);
        const before = modes.get(`${user} ${feature}`) ?? 'full';
        if (to !== before) flips.push({ at: now, user, feature, to });
        modes.set(`${user} ${feature}`, to);
      }
    }
  };
  return { look, seen: { flips, levels, essentialTouched, measuredAt, modes } };
}

/** A clock that shows `time`, and on which nothing happens by itself. */
function clockOf(time: { readonly now: number }): Clock {
  const never = { cancel() {}, unref() {}, ref() {} };
  return { now: () => time.now, setTimer: () => never };
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
/** Trouble from second 20 to 80 of a service that is at ease before and after. */
const troubled = (trouble: Conditions) => (second: number) =>
  second > 20 && second <= 80 ? trouble : { load: 0.6, capacity: 1 };

/** Whether each measure was taken after the one before. */
function isInOrder(measuredAt: Played['measuredAt']): boolean {
  const instants = [...measuredAt.values()].map(({ at }) => at);
  return instants.every((at, index) => index === 0 || at > (instants[index - 1] as number));
}

const steady = (load: number) => () => ({ load, capacity: 1 });

describe('brownout simulation', { timeout: 60_000 }, () => {
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
    expect(isInOrder(measuredAt)).toBe(true);
    for (const { measure, fromRatio } of brownoutMeasures)
      expect(measuredAt.get(measure)?.level).toBeGreaterThanOrEqual(4 * fromRatio);
    expect(new Set(essentialTouched)).toEqual(new Set([4]));
    const firstFlip = (name: string) => flips.find(({ feature }) => feature === name)?.at;
    expect(firstFlip('checkout')).toBe(measuredAt.get('static-answers')?.at);
    expect(firstFlip('recommendations')).toBe(measuredAt.get('brownout')?.at);
  });

  it.each<[string, Conditions]>([
    ['load times 1.2', { load: 1.2, capacity: 1 }],
    ['load times 3', { load: 3, capacity: 1 }],
    ['capacity times 0.4', { load: 0.7, capacity: 0.4 }],
    ['capacity times 0.05', { load: 0.7, capacity: 0.05 }],
  ])('is at level 0 again within 60 s after %s for 60 s', (_name, trouble) => {
    const played = play(3, 180, troubled(trouble));

    expect(Math.max(...levelsFrom(played, 0))).toBeGreaterThan(0.5);
    expect(levelsFrom(played, 140_000)).toEqual(levelsFrom(played, 140_000).map(() => 0));
    expect(played.essentialTouched.every((level) => level === 4)).toBe(true);
    expect(new Set(played.modes.values())).toEqual(new Set(['full']));
  });
});

describe('these tests notice', { timeout: 60_000 }, () => {
  it('a level that may turn round at once: users would see features come and go', () => {
    const shortest = seeds.map((seed) => shortestMs(play(seed, 60, steady(1.2), { options: { dwellMs: 0 } }).flips));

    expect(Math.max(...shortest)).toBeLessThan(10_000);
  });

  it('a level map with steps closer than a whole level', () => {
    const catalogue = defineFeatures({
      images: { modes: ['full', 'small', 'tiny'], onLevel: { 0.5: 'small', 1: 'tiny' } },
    });

    expect(shortestMs(play(1, 60, steady(1.5), { catalogue }).flips)).toBeLessThan(10_000);
  });

  it('a level that falls too slowly to be at 0 within a minute', () => {
    const options = { lowerLevelsPerSecond: 0.05 };
    const { levels, modes } = play(3, 140, troubled({ load: 3, capacity: 1 }), { options });

    expect(levels.at(-1)?.level).toBeGreaterThan(0);
    expect([...modes.values()].filter((mode) => mode !== 'full').length).toBeGreaterThan(0);
  });

  it('a feature that is essential and not called so', () => {
    const catalogue = defineFeatures({
      checkout: { modes: ['full', 'deferred'], onLevel: { 4: 'deferred', 3: 'deferred' } },
    });

    expect(Math.min(...play(2, 30, steady(3.2), { catalogue }).essentialTouched)).toBeLessThan(4);
  });

  it('measures that are taken at once, as where there is one level only', () => {
    const { measuredAt } = play(2, 30, steady(3.2), { options: { maxLevel: 1 } });

    expect(isInOrder(measuredAt)).toBe(false);
  });
});
