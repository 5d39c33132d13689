/**
 * Drops: counts of what a codec has left out, by reason.
 *
 * @module
 */

/**
 * Why something was left out: `malformed`, not of its type or format; `too-large`, longer than its field allows, or no room
 * for it; `not-accepted`, declared, and sent by a caller who is not believed.
 */
export type DropReason = 'malformed' | 'too-large' | 'not-accepted';

/** How many were left out, by reason. */
export type DropCounts = Readonly<Record<DropReason, number>>;

/** Counts that are still counting. */
export class Drops implements DropCounts {
  malformed = 0;
  'too-large' = 0;
  'not-accepted' = 0;

  /** Counts one, and returns undefined, which is what there is instead. */
  add(reason: DropReason, count = 1): undefined {
    this[reason] += count;
    return undefined;
  }
}
