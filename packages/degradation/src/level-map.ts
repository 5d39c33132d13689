/**
 * Level map: what the brownout level means for one feature.
 *
 * The level is a number from 0 to 4, fractions included. A step at level T ramps in as the level goes from T - 1 (or 0) to T:
 * at level 1.3 a step at 2 holds for three tenths of the buckets. So nothing flips for everybody at once, and a request's
 * bucket decides, the same way every time.
 *
 * Invariants
 *  (1) A higher level never gives a better mode, whatever the bucket.
 *  (2) Of two buckets the lower one never has the better mode.
 *  (3) A feature that is essential is not touched below the highest level.
 *
 * Source: design note, fractional level applied per request by bucket (research, "Brownout levels and automatic controllers");
 * the idea of a dimmer: Brownout: Building More Robust Cloud Applications, C. Klein et al., ICSE 2014,
 * https://doi.org/10.1145/2568225.2568227.
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

/** The highest brownout level. */
export const MAX_LEVEL = 4;

/** One step of a level map: from this level on, this mode. */
export interface LevelStep {
  readonly level: number;
  /** Position of the mode among the feature's modes. */
  readonly position: number;
}

/** The steps of a feature by rising level; empty for a feature that no level concerns. */
export type LevelMap = readonly LevelStep[];

/** What a level map is checked against. */
export interface LevelMapOwner {
  readonly modes: readonly string[];
  readonly essential: boolean;
}

/** Returns the checked steps of `map`, as a catalogue writes it. Throws a ConfigError. */
export function checkLevelMap(path: string, map: unknown, { modes, essential }: LevelMapOwner): LevelMap {
  if (map === undefined) return Object.freeze([]);
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw new ConfigError(path, 'an object', map);
  const steps = Object.entries(map)
    .map(([key, mode]) => ({ level: checkLevel(path, key, essential), position: checkMode(path, modes, mode) }))
    .toSorted((a, b) => a.level - b.level);
  for (const [index, step] of steps.entries()) {
    if (index > 0 && step.position < (steps[index - 1] as LevelStep).position)
      throw new ConfigError(path, 'a map whose modes never get better as the level rises', modes[step.position]); // (1)
  }
  return Object.freeze(steps.map((step) => Object.freeze(step)));
}

/** Returns the position of the mode at `level` for `bucket`, a number in [0, 1). 0 is the best mode. */
export function positionAtLevel(map: LevelMap, level: number, bucket: number): number {
  let position = 0;
  for (const step of map) {
    if (!isReached(step.level, level, bucket)) break;
    ({ position } = step);
  }
  return position;
}

/** Whether all buckets have the same mode at `level`. */
export function isSameForAll(map: LevelMap, level: number): boolean {
  return map.every((step) => level >= step.level || level <= Math.max(0, step.level - 1) || step.level === MAX_LEVEL);
}

// --- internal ---

function isReached(stepLevel: number, level: number, bucket: number): boolean {
  if (level >= stepLevel) return true;
  if (stepLevel === MAX_LEVEL) return false; // (3): the highest level has no ramp
  const from = Math.max(0, stepLevel - 1);
  return bucket < (level - from) / (stepLevel - from); // (2)
}

function checkLevel(path: string, key: string, essential: boolean): number {
  const level = key.trim() === '' ? Number.NaN : Number(key);
  if (!(level > 0 && level <= MAX_LEVEL))
    throw new ConfigError(path, `a map of levels above 0, up to ${MAX_LEVEL}`, key);
  if (essential && level < MAX_LEVEL)
    throw new ConfigError(path, `a map of level ${MAX_LEVEL} only, the feature being essential`, key); // (3)
  return level;
}

function checkMode(path: string, modes: readonly string[], mode: unknown): number {
  const position = modes.indexOf(mode as string);
  if (position < 0) throw new ConfigError(path, `a map to modes of the feature: ${modes.join(', ')}`, mode);
  return position;
}
