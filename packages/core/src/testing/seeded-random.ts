/**
 * Seeded random: random numbers that a test can repeat.
 *
 * Source: Mulberry32, T. Ettinger, 2017, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c.
 * Deviation: none.
 *
 * @module
 */

import type { Random } from '../kernel/random.ts';

/** Returns a source of numbers in [0, 1) that is the same for the same seed. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
