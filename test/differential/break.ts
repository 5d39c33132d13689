/**
 * Break: a way in which the engine could be wrong, made by replacing a piece of its source in a copy.
 *
 * @module
 */

/** One way to break the engine. */
export interface Break {
  readonly name: string;
  /** Path in the core's `src`. */
  readonly file: string;
  /** What is there, exactly once or more; the first is replaced. */
  readonly find: string;
  readonly replace: string;
}
