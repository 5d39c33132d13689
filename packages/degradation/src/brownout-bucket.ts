/**
 * Brownout bucket: at which whole level a request is handled while the level is a fraction.
 *
 * Invariants
 *  (1) The same key at the same level always gets the same answer, in every process.
 *  (2) A share of the keys as large as the fraction is one level further; the others are not, and nobody is two further.
 *  (3) Raising the level never improves anybody's, and lowering it never worsens it.
 *
 * Source: Brownout: Building More Robust Cloud Applications, C. Klein, M. Maggio, K.-E. Årzén, F. Hernández-Rodriguez,
 * ICSE 2014, https://doi.org/10.1145/2568225.2568227.
 * Deviation: who is served less is decided by a hash of the key, not by chance, so that it stays the same.
 * Cost: linear in the length of the key.
 *
 * @module
 */

import { bucketOf } from './targeting.ts';

/** Returns the whole level at which a request of `key` is handled while the level is `level`. 0 or more. */
export function levelFor(key: string, level: number): number {
  if (!(level > 0)) return 0;
  const whole = Math.floor(level);
  const fraction = level - whole;
  return fraction > 0 && bucketOf(SEED, key) < fraction ? whole + 1 : whole; // (2)
}

// --- internal ---

/** The one by which a catalogue's level maps choose, so that both agree on each key. */
const SEED = 'level';
