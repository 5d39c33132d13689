/**
 * Bearer token: the one secret of the endpoint, kept as a hash only.
 *
 * Invariants
 *  (1) Only hashes are compared, byte by byte to the end, so that time tells nothing about what a guess has in common
 *      with the token.
 *  (2) The token itself is not retained, and no error shows it.
 *
 * Source: RFC 6750 section 2.1 for the form of the header and of the token.
 *
 * @module
 */

import { createHash, timingSafeEqual } from 'node:crypto';

import { ConfigError } from '@holdfast/core';

/** Returns whether an Authorization header carries the token. */
export type TokenCheck = (authorization: string | undefined) => boolean;

/**
 * Makes the check of a token.
 *
 * @throws ConfigError when it is shorter than 16 characters, or could not be sent in a header.
 */
export function bearerToken(token: unknown): TokenCheck {
  if (typeof token !== 'string') throw new ConfigError('admin.token', 'a string', typeof token);
  if (token.length < MIN_LENGTH)
    throw new ConfigError('admin.token.length', `an integer of at least ${MIN_LENGTH}`, token.length);
  if (!B64_TOKEN.test(token))
    throw new ConfigError('admin.token', 'made of letters, digits and - . _ ~ + / only, with = at the end', '...'); // (2)
  const expected = hash(token);
  return (authorization) => {
    const guess = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    return guess !== undefined && timingSafeEqual(hash(guess), expected); // (1): hashes have one length and no prefix to guess
  };
}

// --- internal ---

const MIN_LENGTH = 16;
const B64_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
