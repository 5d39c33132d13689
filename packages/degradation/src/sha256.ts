/**
 * SHA-256: the hash and the seals that are used where none is handed in.
 *
 * Invariants
 *  (1) A seal that differs in one bit from the right one is refused, and takes as long to refuse.
 *
 * @module
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Returns the hash of a text, as text. */
export type HashFunction = (text: string) => string;

/** Makes and checks seals of texts. */
export interface Seal {
  /** Returns the seal of `text`: one line. */
  seal(text: string): string;
  /** Whether `given` is the seal of `text`. Must not throw. */
  isSealed(text: string, given: string): boolean;
}

/** SHA-256 of a text in UTF-8, in hexadecimal. */
export const sha256: HashFunction = (text) => createHash('sha256').update(text, 'utf8').digest('hex');

/** A seal that tells damage from what was written, and nothing else: whoever can write can seal. */
export const checksum: Seal = Object.freeze(sealBy(sha256));

/**
 * Returns a seal that only who knows `secret` can make: HMAC with SHA-256.
 *
 * @throws RangeError when `secret` is shorter than 16 characters.
 */
export function signature(secret: string): Seal {
  if (typeof secret !== 'string' || secret.length < 16)
    throw new RangeError('signature needs a secret of at least 16 characters');
  return sealBy((text) => createHmac('sha256', secret).update(text, 'utf8').digest('hex'));
}

// --- internal ---

function sealBy(make: HashFunction): Seal {
  return {
    seal: make,
    isSealed(text, given) {
      const [right, other] = [Buffer.from(make(text)), Buffer.from(given)];
      return right.length === other.length && timingSafeEqual(right, other); // (1)
    },
  };
}
