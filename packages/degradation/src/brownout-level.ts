/**
 * Brownout level: from pressure to a fractional level, one observation at a time. Pure.
 *
 *   pressure  0 ──── maxLowerPressure ──── minRaisePressure ──── 1 ──── minSeverePressure ────►
 *   level       falls slowly      holds          rises with the pressure        a whole level at a time
 *
 * Invariants
 *  (1) From `minRaisePressure` on the level rises, up to `maxLowerPressure` it falls, and in between it holds.
 *  (2) It rises by at most `raiseLevelsPerSecond` and falls by at most `lowerLevelsPerSecond`; the time of one observation
 *      counts as at most a second, so that a process that was frozen does not jump.
 *  (3) Pressure that was severe for `severeForMs` adds a whole level, and again after each further `severeForMs`.
 *  (4) A signal that only confirms, and one within its hold time, keep the level from falling and never raise it.
 *  (5) Without any reading the level holds, for at most `maxBlindMs`; then it falls.
 *
 * Source: Brownout: Building More Robust Cloud Applications, C. Klein, M. Maggio, K.-E. Årzén, F. Hernández-Rodriguez,
 * ICSE 2014, https://doi.org/10.1145/2568225.2568227.
 * Deviation: one level for all features, not one share per feature; the step is proportional to the pressure when rising and
 * constant when falling, and its movement is paced per key.
 *
 * @module
 */

import { type Pace, type PaceLimits, move, paceAtRest } from './brownout-pace.ts';
import { type Pressure, heldUntil } from './pressure.ts';
import type { SignalRanges } from './signal.ts';

/** How pressure moves the level. */
export interface LevelRules extends PaceLimits {
  readonly minRaisePressure: number;
  readonly maxLowerPressure: number;
  readonly minSeverePressure: number;
  readonly raiseLevelsPerSecond: number;
  readonly lowerLevelsPerSecond: number;
  readonly severeForMs: number;
  readonly sampleMs: number;
  readonly maxBlindMs: number;
  readonly ranges: Partial<SignalRanges>;
}

/** What the last observation did: moved the level, left it on purpose, or would have moved it and may not yet. */
export type LevelDecision = 'raised' | 'lowered' | 'held' | 'waiting';

/** The level between two observations. */
export interface LevelState {
  readonly pace: Pace;
  readonly decision: LevelDecision;
  readonly pressure: Pressure;
  /** When it was last observed; undefined before the first time. */
  readonly observedAt: number | undefined;
  /** Since when pressure has been severe without a whole level for it; undefined while it is not. */
  readonly severeSince: number | undefined;
  /** Until when the level may not fall. */
  readonly heldUntil: number;
  /** Since when there has been no reading; undefined while there is one. */
  readonly blindSince: number | undefined;
}

/** The level before the first observation. */
export const levelAtRest: LevelState = Object.freeze({
  pace: paceAtRest,
  decision: 'held',
  pressure: Object.freeze({ worst: undefined, signals: Object.freeze([]) }),
  observedAt: undefined,
  severeSince: undefined,
  heldUntil: Number.NEGATIVE_INFINITY,
  blindSince: undefined,
});

/** Returns the state after an observation. `now` must not go back; where it does, no time has passed. */
export function observePressure(before: LevelState, pressure: Pressure, now: number, rules: LevelRules): LevelState {
  const seen = look(before, pressure, now, rules);
  const { by, isSevere } = wish(before, seen, now, rules);
  const pace = by === 0 ? before.pace : move(before.pace, by, { now, limits: rules, isSevere });
  const decision = decisionOf(by, before.pace, pace, rules);
  return { ...seen, pace, decision, observedAt: now, severeSince: isSevere ? now : seen.severeSince };
}

// --- internal ---

/** What the observation says, before anything moves. */
function look(before: LevelState, pressure: Pressure, now: number, rules: LevelRules): LevelState {
  const isSevere = (pressure.worst?.pressure ?? 0) >= rules.minSeverePressure;
  const until = heldUntil(before.heldUntil, pressure, { now, ranges: rules.ranges, above: rules.maxLowerPressure });
  return {
    ...before,
    pressure,
    severeSince: isSevere ? (before.severeSince ?? now) : undefined,
    heldUntil: until,
    blindSince: pressure.worst === undefined ? (before.blindSince ?? now) : undefined,
  };
}

/** How far the level should move. */
function wish(before: LevelState, seen: LevelState, now: number, rules: LevelRules): { by: number; isSevere: boolean } {
  const seconds = elapsedMs(before.observedAt, now, rules) / 1000;
  const { worst, signals } = seen.pressure;
  const isSevere = seen.severeSince !== undefined && now - seen.severeSince >= rules.severeForMs; // (3)
  if (isSevere) return { by: 1, isSevere };
  if (worst !== undefined && worst.pressure >= rules.minRaisePressure)
    return { by: rules.raiseLevelsPerSecond * Math.min(worst.pressure, 1) * seconds, isSevere }; // (1), (2)
  const isCalm = signals.every(({ pressure }) => pressure <= rules.maxLowerPressure) && now >= seen.heldUntil; // (4)
  const isBlind = seen.blindSince !== undefined && now - seen.blindSince < rules.maxBlindMs; // (5)
  return { by: isCalm && !isBlind ? -rules.lowerLevelsPerSecond * seconds : 0, isSevere };
}

function elapsedMs(observedAt: number | undefined, now: number, { sampleMs }: LevelRules): number {
  if (observedAt === undefined) return sampleMs;
  return Math.min(Math.max(now - observedAt, 0), MAX_STEP_MS); // (2)
}

/** The longest time that one observation stands for. */
const MAX_STEP_MS = 1000;

// oxlint-disable-next-line max-params -- the wish, before, after and the bounds: the four sides of one comparison
function decisionOf(by: number, before: Pace, after: Pace, { maxLevel }: LevelRules): LevelDecision {
  if (after.level > before.level) return 'raised';
  if (after.level < before.level) return 'lowered';
  const hasArrived = by === 0 || (by < 0 && before.level === 0) || (by > 0 && before.level === maxLevel);
  return hasArrived ? 'held' : 'waiting';
}
