/**
 * Bearer token: the secrets of the endpoint, kept as hashes only, and the role that each gives.
 *
 * Invariants
 *  (1) Only hashes are compared, byte by byte to the end, and with every token there is, so that time tells nothing about what
 *      a guess has in common with one, nor with which.
 *  (2) The tokens themselves are not retained, and no error shows one.
 *  (3) A token gives one role.
 *
 * Source: RFC 6750 section 2.1 for the form of the header and of the token.
 *
 * @module
 */

import { createHash, timingSafeEqual } from 'node:crypto';

import { ConfigError } from '@holdfast/core';
import type { Role } from '@holdfast/degradation';

/** Tokens by the role that they give. Several of one role let you change one without a moment in which neither is good. */
export type RoleTokens = { readonly [Name in Role]?: string | readonly string[] | undefined };

/** Returns the role that the token in an Authorization header gives; undefined where it gives none. */
export type RoleCheck = (authorization: string | undefined) => Role | undefined;

/**
 * Makes the check of one token, whose role is `operator`.
 *
 * @throws ConfigError when it is shorter than 16 characters, or could not be sent in a header.
 */
export function bearerToken(token: unknown): RoleCheck {
  return checkOf([secretOf('admin.token', 'operator', token)]);
}

/**
 * Makes the check of tokens.
 *
 * @throws ConfigError when there is none, one is shorter than 16 characters, could not be sent in a header, or gives two roles.
 */
export function bearerTokens(tokens: RoleTokens): RoleCheck {
  if (typeof tokens !== 'object' || tokens === null || Array.isArray(tokens))
    throw new ConfigError('admin.tokens', 'an object of tokens by role', typeof tokens);
  const known = Object.entries(tokens).flatMap(([role, given]) => secretsOf(role, given));
  if (known.length === 0) throw new ConfigError('admin.tokens', 'at least one token', 'none');
  if (new Set(known.map(({ hash }) => hash.toString('hex'))).size < known.length)
    throw new ConfigError('admin.tokens', 'different tokens, each for one role', 'the same one twice'); // (3)
  return checkOf(known);
}

// --- internal ---

interface Secret {
  readonly role: Role;
  readonly hash: Buffer;
}

const ROLES: readonly string[] = ['viewer', 'operator', 'break-glass'] satisfies readonly Role[];
const MIN_LENGTH = 16;
const B64_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

function secretsOf(role: string, given: string | readonly string[] | undefined): Secret[] {
  if (!ROLES.includes(role)) throw new ConfigError('admin.tokens', `tokens of ${ROLES.join(', ')}`, role);
  const tokens: readonly unknown[] = Array.isArray(given) ? given : given === undefined ? [] : [given];
  return tokens.map((token) => secretOf(`admin.tokens.${role}`, role as Role, token));
}

function secretOf(option: string, role: Role, token: unknown): Secret {
  checkToken(option, token);
  return { role, hash: hashOf(token) };
}

function checkOf(known: readonly Secret[]): RoleCheck {
  return (authorization) => {
    const guess = hashOf(/^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '');
    let found: Role | undefined;
    for (const { role, hash } of known) if (timingSafeEqual(guess, hash)) found = role; // (1): all of them, whichever fits
    return found;
  };
}

function checkToken(option: string, token: unknown): asserts token is string {
  if (typeof token !== 'string') throw new ConfigError(option, 'a string', typeof token);
  if (token.length < MIN_LENGTH)
    throw new ConfigError(`${option}.length`, `an integer of at least ${MIN_LENGTH}`, token.length);
  if (!B64_TOKEN.test(token))
    throw new ConfigError(option, 'made of letters, digits and - . _ ~ + / only, with = at the end', '...'); // (2)
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
