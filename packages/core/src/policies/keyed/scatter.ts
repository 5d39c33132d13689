/**
 * Scatter: finds out whether keys are so fine that members are forgotten before they have seen anything.
 *
 * Cost: two integers.
 *
 * @module
 */

/** Fewer calls than this in a member's life are few: a breaker has decided nothing by then. */
export const FEW_CALLS = 10;

/** How many members are forgotten between two looks at their share. */
export const LOOK_AFTER = 1000;

/** Counts the members that were forgotten with few calls. */
export class Scatter {
  /** Members with few calls since the beginning. */
  few = 0;
  private seen = 0;
  private fewSeen = 0;

  /** Notes that a member was forgotten that had seen `calls`. Returns how many of the last `LOOK_AFTER` had few, when those are too many. */
  note(calls: number): number | undefined {
    this.seen++;
    if (calls < FEW_CALLS) {
      this.few++;
      this.fewSeen++;
    }
    if (this.seen < LOOK_AFTER) return undefined;
    const found = this.fewSeen;
    this.seen = 0;
    this.fewSeen = 0;
    return found > LOOK_AFTER * 0.9 ? found : undefined;
  }
}
