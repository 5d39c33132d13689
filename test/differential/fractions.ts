/**
 * Fractions: parts of a millisecond that keep apart what has nothing to do with each other.
 *
 * Each is a multiple of 2^-30, so sums and differences of instants of a case are exact in double precision, and the two
 * sides, which add in different orders, come to the same instant.
 *
 * @module
 */

/** Fractions by what they are for, and those that are dealt out one after the other. */
export class Fractions {
  readonly #dealt = new Map<string, number>();

  /** Returns the fraction of the thing called `what` with number `index`: always the same. */
  of(what: string, index: number): number {
    let hash = 0x811c9dc5 ^ Math.imul(index + 1, 0x9e3779b1);
    for (let at = 0; at < what.length; at++) hash = Math.imul(hash ^ what.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (((hash ^ (hash >>> 16)) >>> 2) + 0.5) / 2 ** 30;
  }

  /** Returns the next fraction for `what`. */
  next(what: string): number {
    const index = this.#dealt.get(what) ?? 0;
    this.#dealt.set(what, index + 1);
    return this.of(what, index);
  }
}

/** Returns random numbers in [0, 1), multiples of 2^-24; the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 8) / 2 ** 24;
  };
}
