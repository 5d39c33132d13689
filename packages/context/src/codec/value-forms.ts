/**
 * Value forms: how the values of a request are written, each in a header of its own, in W3C's baggage, or in one compact
 * header, and how they are read from all three. Pure functions of texts by name.
 *
 * The compact header is `x-context: t=<trace>;c=<criticality>;<tag>=<value>;...`; the trace is 25 bytes, as base64url.
 *
 * Invariants
 *  (1) At most `maxBytes` of names and values are written or read; what does not fit is left out, the last first.
 *  (2) Where a value comes in more than one form, the header of its own counts, then the compact one; two different values in
 *      the same form are none.
 *
 * @module
 */

import { formatBaggage, parseBaggage } from '../formats/baggage.ts';
import type { Found } from './carrier.ts';
import { decodeText, encodeText } from '../formats/percent-text.ts';
import { isSpanId, isTraceId, type TraceContext } from '../formats/trace-context.ts';

/** A member of the compact header, or of baggage: its name and its text, which is encoded. */
export type Member = readonly [name: string, text: string];

/** The one text in `texts`, if they are all the same; (2). */
export function theOnly(texts: readonly string[] | undefined): string | undefined {
  if (texts === undefined) return undefined;
  const [first] = texts;
  return texts.every((text) => text === first) ? first : undefined;
}

/** Takes of `members` those that fit into `maxBytes`; each has two bytes for what separates it. */
export function fitting(members: readonly Member[], maxBytes: number): readonly Member[] {
  let bytes = 0;
  return members.filter(([name, text]) => {
    const size = name.length + text.length + 2;
    if (bytes + size > maxBytes) return false; // (1)
    bytes += size;
    return true;
  });
}

/** Reads the members of the compact header `name`. Of a tag that comes twice with different texts there is none. */
export function readCompact(found: Found, name: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  const ambiguous = new Set<string>();
  for (const member of (found.get(name) ?? []).flatMap((text) => text.split(';', MAX_MEMBERS))) {
    const at = member.indexOf('=');
    const tag = member.slice(0, Math.max(at, 0)).trim();
    const text = member.slice(at + 1).trim();
    if (tag === '') continue;
    if (members.has(tag) && members.get(tag) !== text) ambiguous.add(tag);
    members.set(tag, text);
  }
  for (const tag of ambiguous) members.delete(tag); // (2)
  return members;
}

/** Writes the compact header. */
export function writeCompact(members: readonly Member[]): string {
  return members.map(([tag, text]) => `${tag}=${text}`).join(';');
}

/** Reads the members of W3C's baggage, their texts encoded as everywhere. */
export function readBaggage(found: Found): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  for (const [name, value] of parseBaggage((found.get('baggage') ?? []).join(',')))
    members.set(name, encodeText(value) ?? '');
  return members;
}

/** Writes W3C's baggage: what is there of others already, without those named in `ours`, and `members`. */
export function writeBaggage(before: Found, ours: ReadonlySet<string>, members: readonly Member[]): string {
  const others = [...parseBaggage((before.get('baggage') ?? []).join(','))].filter(([name]) => !ours.has(name));
  return formatBaggage([...members.map(([name, text]) => [name, decodeText(text) ?? ''] as const), ...others]);
}

/** Writes a trace as the compact header has it: 34 characters. */
export function packTrace({ traceId, spanId, isSampled }: TraceContext): string | undefined {
  if (!isTraceId(traceId) || !isSpanId(spanId)) return undefined;
  return Buffer.from(`${traceId}${spanId}${isSampled ? '01' : '00'}`, 'hex').toString('base64url');
}

/** Reads a trace of the compact header. */
export function unpackTrace(text: string | undefined): TraceContext | undefined {
  if (text === undefined || !/^[\w-]{34}$/.test(text)) return undefined;
  const hex = Buffer.from(text, 'base64url').toString('hex');
  const [traceId, spanId] = [hex.slice(0, 32), hex.slice(32, 48)];
  if (!isTraceId(traceId) || !isSpanId(spanId)) return undefined;
  return { traceId, spanId, isSampled: hex.endsWith('1') };
}

// --- internal ---

const MAX_MEMBERS = 64;
