/**
 * Brownout feature: at which level a single feature is, given that of the request, what the feature is worth and what it
 * depends on; and which measures belong to a level.
 *
 * Invariants
 *  (1) An essential feature is at 0 as long as the level is below the highest one, for every key.
 *  (2) An open breaker degrades the features that depend on it, and no others: it says nothing about this process's load.
 *  (3) The measures come one after the other, each at a higher level than the one before: brownout, priority shed, queue
 *      time-outs, static answers.
 *
 * Source: the order of response of The Site Reliability Workbook, chapter "Managing Load", Google, 2018,
 * https://sre.google/workbook/managing-load/, and of Introducing service-level prioritized load shedding, Netflix, 2024,
 * https://netflixtechblog.com/enhancing-netflix-reliability-with-service-level-prioritized-load-shedding-e735e6ce8f7d.
 * Deviation: optional work goes before any request does.
 *
 * @module
 */

import { levelFor } from './brownout-bucket.ts';

/** What a feature says about itself. */
export interface BrownoutTraits {
  /** Whether the service has no point without it. */
  readonly essential?: boolean | undefined;
  /** Names of the circuits without which it cannot be at its best. */
  readonly dependsOn?: readonly string[] | undefined;
}

/** What is known when a request comes. */
export interface BrownoutMoment {
  /** Who asks: an id of a user, a session, a tenant. */
  readonly key: string;
  /** The level, with fractions. */
  readonly level: number;
  /** The highest level that there is. */
  readonly maxLevel: number;
  /** Tells the state of a circuit by its name; undefined where there is none. Omitted, all are closed. */
  readonly stateOf?: ((name: string) => string | undefined) | undefined;
}

/** Returns the level of a feature for a request. Integer, 0 to `maxLevel`. */
export function featureLevel({ essential, dependsOn }: BrownoutTraits, moment: BrownoutMoment): number {
  const { key, level, maxLevel, stateOf } = moment;
  if (essential === true) return level >= maxLevel ? maxLevel : 0; // (1)
  if (dependencyPressure(dependsOn, stateOf) >= 1) return maxLevel; // (2)
  return levelFor(key, level);
}

/**
 * Returns 1 where a circuit that `dependsOn` names is open, else 0. A half-open one is 0: its breaker lets few calls through,
 * and without calls it would never close.
 */
export function dependencyPressure(
  dependsOn: readonly string[] = [],
  stateOf: BrownoutMoment['stateOf'] = noState,
): number {
  return dependsOn.some((name) => stateOf(name) === 'open') ? 1 : 0;
}

/** What a service does against overload, besides refusing what is beyond it. */
export type BrownoutMeasure = 'brownout' | 'priority-shed' | 'queue-timeouts' | 'static-answers';

/** From which share of the highest level on a measure is taken; `brownout` from any level above 0. */
export const brownoutMeasures: readonly { readonly measure: BrownoutMeasure; readonly fromRatio: number }[] =
  Object.freeze([
    { measure: 'brownout', fromRatio: 0 },
    { measure: 'priority-shed', fromRatio: 0.5 },
    { measure: 'queue-timeouts', fromRatio: 0.75 },
    { measure: 'static-answers', fromRatio: 1 },
  ]);

/** Returns the measures that are taken at `level`, the mildest first. */
export function measuresAt(level: number, maxLevel: number): readonly BrownoutMeasure[] {
  return brownoutMeasures
    .filter(({ fromRatio }) => level > 0 && level >= fromRatio * maxLevel) // (3)
    .map(({ measure }) => measure);
}

// --- internal ---

function noState(): undefined {}
