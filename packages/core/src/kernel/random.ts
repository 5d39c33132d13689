/**
 * Random: the port through which all randomness enters.
 *
 * @module
 */

/** Returns a number from 0 (included) to 1 (excluded). */
export type Random = () => number;

/** The platform's random numbers. Good for jitter; not for secrets. */
export const systemRandom: Random = () => Math.random();
