/**
 * Plays worlds: so many steps in all, in worlds of their own seeds, several at a time.
 *
 * @module
 */

import type { MakeLedger } from './model-ledger.ts';
import { Violation } from './violation.ts';
import { World } from './world.ts';

/** Steps of one world, about. */
export const WORLD_STEPS = 6000;

/** What is to be played. */
export interface PlayOptions {
  /** The first seed; each world has the next. */
  readonly seed: number;
  /** Steps in all. */
  readonly steps: number;
  /** Worlds that are played at a time: requests of several go to a server together. */
  readonly width: number;
  readonly make: MakeLedger;
  /** Called after each world, with the steps so far. */
  readonly onWorld?: (steps: number) => void;
}

/** What came of it. */
export interface Played {
  readonly steps: number;
  readonly worlds: number;
  /** How often what the worlds are about has happened. */
  readonly counts: ReadonlyMap<string, number>;
  /** The first invariant that did not hold. */
  readonly violated: Violated | undefined;
}

/** A violation, and how to have it again. */
export interface Violated {
  readonly seed: number;
  /** Step of its world, and of all. */
  readonly step: number;
  readonly total: number;
  readonly violation: Violation;
  readonly story: string;
}

/** Plays until all steps are done, or an invariant does not hold. */
export async function playWorlds({ seed, steps, width, make, onWorld }: PlayOptions): Promise<Played> {
  const counts = new Map<string, number>();
  const sum: { steps: number; worlds: number; violated: Violated | undefined } = {
    steps: 0,
    worlds: 0,
    violated: undefined,
  };
  const playOne = async (): Promise<void> => {
    const own = seed + sum.worlds++;
    const world = new World(own, make);
    const violation = await violationOf(world, own, Math.min(WORLD_STEPS, Math.max(1, steps - sum.steps)));
    const step = world.stepCount;
    sum.steps += step;
    if (violation !== undefined)
      sum.violated ??= { seed: own, step, total: sum.steps, violation, story: world.story() };
    for (const [what, count] of world.facts.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    onWorld?.(sum.steps);
  };
  const playOn = async (): Promise<void> => {
    while (sum.steps < steps && sum.violated === undefined) await playOne();
  };
  await Promise.all(Array.from({ length: width }, playOn));
  return { ...sum, counts };
}

/** For people: which invariant did not hold, where, what came before. */
export function told({ seed, step, violation, story }: Violated): string {
  return `seed ${seed}, step ${step}: ${violation.message}\n${story}`;
}

// --- internal ---

async function violationOf(world: World, seed: number, steps: number): Promise<Violation | undefined> {
  try {
    await world.play(steps);
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error;
    throw new Error(`world ${seed}, step ${world.stepCount}`, { cause: error });
  }
}
