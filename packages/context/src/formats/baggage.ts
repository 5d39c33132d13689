/**
 * Baggage: W3C's header of values that travel with a request, `user-id=42,region=eu`.
 *
 * Invariants
 *  (1) At most 64 members and 8192 bytes are read or written, whatever comes; that is what every participant must handle.
 *  (2) A member that is not of the format is left out and spoils no other; nothing throws.
 *  (3) Of two members with the same name the first counts.
 *
 * Source: Baggage, W3C Working Draft, https://www.w3.org/TR/baggage/.
 * Deviation: properties of members are read over, and not passed on.
 *
 * @module
 */

import { decodeText, encodeText } from './percent-text.ts';

/** Reads the members of a `baggage` header, in their order. */
export function parseBaggage(text: string): Map<string, string> {
  const members = new Map<string, string>();
  for (const member of wholeMembers(text)) {
    const [pair = ''] = member.split(';', 1);
    const at = pair.indexOf('=');
    if (at < 0) continue;
    const name = pair.slice(0, at).trim();
    const value = decodeText(pair.slice(at + 1).trim());
    if (value !== undefined && TOKEN.test(name) && !members.has(name)) members.set(name, value); // (2), (3)
  }
  return members;
}

/** Writes a `baggage` header of those members that fit, in their order; the empty string if there are none. */
export function formatBaggage(members: Iterable<readonly [name: string, value: string]>): string {
  const written: string[] = [];
  let bytes = 0;
  for (const [name, value] of members) {
    const encoded = TOKEN.test(name) ? encodeText(value) : undefined;
    if (encoded === undefined || written.length === MAX_MEMBERS) continue;
    const member = `${name}=${encoded}`;
    if (bytes + member.length + 1 > MAX_BYTES) continue; // (1)
    bytes += member.length + 1;
    written.push(member);
  }
  return written.join(',');
}

// --- internal ---

const MAX_MEMBERS = 64;
const MAX_BYTES = 8192;

/** The members in the first {@link MAX_BYTES} of `text`, without one that is cut off there. */
function wholeMembers(text: unknown): string[] {
  if (typeof text !== 'string') return [];
  const members = text.slice(0, MAX_BYTES).split(',', MAX_MEMBERS + 1);
  if (text.length > MAX_BYTES && text[MAX_BYTES] !== ',') members.pop();
  return members.slice(0, MAX_MEMBERS); // (1)
}

/** A token of HTTP; see RFC 9110, "Tokens". */
const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,256}$/;
