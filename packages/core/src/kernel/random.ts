/**
 * Random: the port through which all randomness enters.
 *
 * @module
 */

import { ignoreRejection, reportHookError } from './hooks.ts';

/** Returns a number from 0 (included) to 1 (excluded). */
export type Random = () => number;

/** The platform's random numbers. Good for jitter; not for secrets. */
export const systemRandom: Random = () => Math.random();

/**
 * Draws a number from 0 (included) to 1 (excluded) for the policy named `policy`. Undefined where `random` throws, or gives
 * anything else, which is reported. Never throws.
 */
export function drawFrom(random: Random, policy: string): number | undefined {
  try {
    const drawn: unknown = random();
    if (typeof drawn === 'number' && drawn >= 0 && drawn < 1) return drawn;
    ignoreRejection(drawn);
    throw new RangeError('random must return a number from 0 to 1, 1 excluded');
  } catch (error) {
    reportHookError('random', error, policy);
    return undefined;
  }
}

/** Returns a source for code that must not fail: it never throws, and what `random` does wrong is reported and replaced. */
export function steadyRandom(random: Random, policy: string): Random {
  return () => drawFrom(random, policy) ?? systemRandom();
}
