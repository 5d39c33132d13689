/**
 * Redis key: the names of what is kept on the server. All keys of one operation share a hash tag, and so a slot of a Cluster.
 *
 *   rb1:{prod/rate/search}:g
 *   │ │  │    │    │      └ what of it
 *   │ │  │    │    └ id, percent-encoded where it must be
 *   │ │  │    └ kind of thing
 *   │ │  └ namespace
 *   │ └ major version of what is on the wire
 *   └ prefix
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

/** Where keys are. */
export interface KeyPlace {
  /** What all keys begin with. */
  readonly prefix: string;
  /** Who shares: one application in one environment. */
  readonly namespace: string;
}

/** Major version of what is on the wire: two majors share nothing. */
const WIRE_MAJOR = 1;

/** Returns what all keys of the thing called `id` begin with. */
export function keyBase(place: KeyPlace, kind: string, id: string): string {
  return keyTag(place, `${kind}/${encodeId(id)}`);
}

/** Returns what all keys begin with of a kind of thing of which a namespace has one. */
export function keyTag({ prefix, namespace }: KeyPlace, kind: string): string {
  return `${prefix}${WIRE_MAJOR}:{${namespace}/${kind}}`;
}

/** Returns `id` with every byte percent-encoded that is not one of `A-Z a-z 0-9 _ . : / -`. Different ids stay different. */
export function encodeId(id: string): string {
  return [...new TextEncoder().encode(id)].map(encodeByte).join('');
}

/** Returns the id that {@link encodeId} made `text` of; `text` itself where nobody of us wrote it. */
export function decodeId(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Checks the options that say where keys are. `place` is the path before their names.
 *
 * @throws ConfigError when one cannot be part of a key.
 */
export function requireKeyPlace(place: string, { prefix, namespace }: KeyPlace): void {
  requirePlain(`${place}.prefix`, prefix, /^[A-Za-z0-9_.:-]{1,32}$/, '1 to 32 letters, digits, _ . : -');
  requirePlain(`${place}.namespace`, namespace, /^[A-Za-z0-9_.:-]{1,64}$/, '1 to 64 letters, digits, _ . : -');
}

/**
 * Checks an id.
 *
 * @throws ConfigError when it is no string of 1 to 128 characters.
 */
export function requireId(option: string, id: unknown): void {
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_LENGTH || /\p{Surrogate}/u.test(id))
    throw new ConfigError(option, `a string of 1 to ${MAX_ID_LENGTH} characters`, id);
}

// --- internal ---

const MAX_ID_LENGTH = 128;

function encodeByte(byte: number): string {
  const character = String.fromCodePoint(byte);
  return /[A-Za-z0-9_.:/-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

function requirePlain(option: string, value: unknown, pattern: RegExp, expectation: string): void {
  if (typeof value !== 'string' || !pattern.test(value)) throw new ConfigError(option, expectation, value);
}
