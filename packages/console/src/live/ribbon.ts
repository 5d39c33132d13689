/**
 * Ribbon: what something was in over time, as the changes of its state, within a bound.
 *
 *   since ── closed ── at ── open ── at ── half-open ── ... now
 *
 * Invariants
 *  (1) It holds at most `MAX_CHANGES` changes and drops the oldest first.
 *  (2) Two changes in a row are to different states, unless something came and went in between.
 *
 * @module
 */

/** One change: the calendar time in milliseconds since 1970, and the state from then on. */
export type RibbonChange = readonly [atMs: number, state: string];

/** The states of one thing over time. */
export class Ribbon {
  readonly #changes: RibbonChange[] = [];

  constructor(atMs: number, state: string) {
    this.#changes.push([atMs, state]);
  }

  /** The state of now. */
  get state(): string {
    return (this.#changes.at(-1) as RibbonChange)[1];
  }

  /** Notes a state. Returns whether it is another one. */
  note(atMs: number, state: string): boolean {
    if (state === this.state) return false; // (2)
    this.#changes.push([atMs, state]);
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift(); // (1)
    return true;
  }

  /** Returns a copy, oldest first. */
  list(): readonly RibbonChange[] {
    return [...this.#changes];
  }
}

// --- internal ---

const MAX_CHANGES = 256;
