/**
 * Brownout bucket: at which whole level a request is handled while the level is a fraction.
 *
 * Invariants
 *  (1) The same key at the same level always gets the same answer, in every process.
 *  (2) A share of the keys as large as the fraction is one level further; the others are not, and nobody is two further.
 *  (3) Raising the level never improves anybody's, and lowering it never worsens it.
 *
 * Source: the hash is FNV-1a, The FNV Non-Cryptographic Hash Algorithm, G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, IETF
 * draft, 2012, https://datatracker.ietf.org/doc/html/draft-eastlake-fnv, with the finalizer of MurmurHash3, A. Appleby, 2011,
 * https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp.
 * Deviation: UTF-16 code units are hashed, not bytes of an encoding; the finalizer spreads keys that differ in the last digit.
 * Cost: linear in the length of the key.
 *
 * @module
 */

/** Returns where `key` lies between 0 and 1, 1 excluded. The same in every process; not for secrets. */
export function stickyBucket(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Returns the whole level at which a request of `key` is handled while the level is `level`. 0 or more. */
export function levelFor(key: string, level: number): number {
  if (!(level > 0)) return 0;
  const whole = Math.floor(level);
  const fraction = level - whole;
  return fraction > 0 && stickyBucket(key) < fraction ? whole + 1 : whole; // (2)
}
