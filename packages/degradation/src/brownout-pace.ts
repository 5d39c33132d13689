/**
 * Brownout pace: how fast a level may move, so that nobody sees a feature go and come back.
 *
 * A request of key `k` is at level `n + 1` while the fractional level is above `n + bucket(k)`. Its borders are therefore one
 * whole level apart, and a level that turns round, or moves further than one level, within `dwellMs` takes some key across
 * two of them. Both are forbidden here; only a severe raise may do so, since then survival comes first.
 *
 * Invariants
 *  (1) Unless a raise is severe, no key's level changes twice within `dwellMs`.
 *  (2) The level stays between 0 and `maxLevel`.
 *  (3) One move is at most one level, also a severe one.
 *
 * Source: hysteresis by dwell time, Stability of switched systems with average dwell-time, J. Hespanha and A. S. Morse,
 * Proc. 38th IEEE CDC, 1999, https://doi.org/10.1109/CDC.1999.831330.
 * Deviation: the dwell is that of each key, and is kept by bounding how far the common level moves and turns.
 * Cost: the moves of the last `dwellMs` are kept; each is at most one level.
 *
 * @module
 */

/** Bounds of the movement. */
export interface PaceLimits {
  readonly maxLevel: number;
  /** The shortest time between two changes for one key. Milliseconds. */
  readonly dwellMs: number;
}

/** A level and how it came to be. */
export interface Pace {
  /** 0 to `maxLevel`, with fractions. */
  readonly level: number;
  /** What it did within the last `dwellMs`, the oldest first; what is positive was a raise. */
  readonly moves: readonly { readonly at: number; readonly by: number; readonly isSevere: boolean }[];
}

/** A level that has never moved. */
export const paceAtRest: Pace = Object.freeze({ level: 0, moves: Object.freeze([]) });

/** Moves the level by `by`, or as far as may be. Returns the same object where it may not move at all. */
export function move(pace: Pace, by: number, turn: { now: number; limits: PaceLimits; isSevere?: boolean }): Pace {
  const { now, limits, isSevere = false } = turn;
  const moves = pace.moves.filter(({ at }) => now - at < limits.dwellMs);
  const room = isSevere && by > 0 ? 1 : roomFor(by, moves); // (3)
  const wanted = pace.level + Math.sign(by) * Math.min(Math.abs(by), room);
  const level = Math.min(Math.max(wanted, 0), limits.maxLevel); // (2)
  if (level === pace.level) return pace;
  return { level, moves: [...moves, { at: now, by: level - pace.level, isSevere }] };
}

// --- internal ---

/** How far the level may move in the direction of `by`: nowhere if it went the other way of late, else one level in all. */
function roomFor(by: number, moves: Pace['moves']): number {
  let moved = 0;
  for (const each of moves) {
    if (Math.sign(each.by) !== Math.sign(by)) return 0; // (1)
    if (!each.isSevere) moved += Math.abs(each.by); // it has broken the rule already, and overload may still be there
  }
  return Math.max(0, 1 - moved); // (1)
}
