/**
 * Brownout display: the whole level that people, headers and alerts are told while the level in force is a fraction.
 *
 * Invariants
 *  (1) What is shown is the nearest whole level, or one that was the nearest less than `dwellMs` ago.
 *  (2) What is shown stays for `dwellMs`; only a level that is a whole one above is shown at once.
 *
 * @module
 */

/** What is shown. */
export interface ShownLevel {
  /** Integer, 0 or more. */
  readonly level: number;
  /** Since when. */
  readonly since: number;
}

/** What is shown before the first observation. */
export const shownAtRest: ShownLevel = Object.freeze({ level: 0, since: Number.NEGATIVE_INFINITY });

/** Returns what to show for `level` at `now`; the same object where nothing changes. */
export function showLevel(shown: ShownLevel, level: number, now: number, dwellMs: number): ShownLevel {
  const nearest = Math.floor(level + 0.5);
  if (nearest === shown.level) return shown;
  const isUrgent = level >= shown.level + 1; // (2)
  return isUrgent || now - shown.since >= dwellMs ? { level: nearest, since: now } : shown;
}
