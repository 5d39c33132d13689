/**
 * FNV-1a: a small hash of a text, the same in every process, for spreading and for telling apart. Not for secrets.
 *
 * Source: The FNV Non-Cryptographic Hash Algorithm, G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, IETF draft, 2012,
 * https://datatracker.ietf.org/doc/html/draft-eastlake-fnv.
 * Deviation: it hashes UTF-16 code units, low byte and high byte, and not the bytes of an encoding.
 * Cost: linear in the length.
 *
 * @module
 */

/** Returns the 32-bit hash of `text`. Integer, 0 to 4 294 967 295. */
export function fnv1a(text: string): number {
  let hash = OFFSET_BASIS;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), PRIME);
    if (unit > 0xff) hash = Math.imul(hash ^ (unit >>> 8), PRIME);
  }
  return hash >>> 0;
}

// --- internal ---

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;
