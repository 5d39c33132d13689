/**
 * Packed feature: a record as it lies on the server and goes over the wire, sealed.
 *
 *   7 0061 1763672400123 9f86d0... {"feature":"search",...}
 *   │ │    │             │         └ the record, as JSON
 *   │ │    │             └ seal of that, percent-encoded
 *   │ │    └ when it was saved, by the server's time: milliseconds since 1970
 *   │ └ origin, in UTF-16, hexadecimal: so that bytes compare as texts do
 *   └ revision
 *
 * Invariants
 *  (1) What is damaged, sealed by somebody else, or kept under the name of another feature, is no record.
 *  (2) What is left of an override is counted from when the record was saved, by the server's time; never more than it was.
 *
 * @module
 */

import { messageOf } from '@holdfast/core';

import { decodeId, encodeId } from '../redis-key.ts';
import type { RecordSeal, SharedFeature } from './shared-feature.ts';

/** The size of a record as JSON from which it is not kept. Bytes. */
export const MAX_RECORD_BYTES = 262_144;

/** A record as it is sent. */
export interface SentFeature {
  readonly field: string;
  readonly revision: string;
  readonly origin: string;
  readonly seal: string;
  readonly text: string;
  /** What is left of the override that the last change made; undefined where it made none. */
  readonly madeRemainingMs: number | undefined;
}

/** What can be told of a record by its outside. */
export interface PackedOrder {
  readonly revision: number;
  readonly origin: string;
}

/** What became of a packed record: it is one, or it is refused, and why. */
export type OpenedFeature =
  | { readonly record: SharedFeature; readonly refusal?: undefined }
  | { readonly record?: undefined; readonly refusal: string };

/**
 * Returns `record` as it is sent.
 *
 * @throws RangeError when it is too large.
 */
export function packFeature(record: SharedFeature, seal: RecordSeal): SentFeature {
  const text = JSON.stringify(record);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_RECORD_BYTES)
    throw new RangeError(`the record of ${record.feature} has ${bytes} bytes; at most ${MAX_RECORD_BYTES} are kept`);
  return {
    field: encodeId(record.feature),
    revision: String(record.revision),
    origin: toHex(record.origin),
    seal: encodeId(seal.seal(text)),
    text,
    madeRemainingMs: record.overrides.find((one) => one.revision === record.revision)?.remainingMs,
  };
}

/** Opens a record that is kept under `field`, as it is at `serverMs`. */
export function openFeature(field: string, packed: string, serverMs: number, seal: RecordSeal): OpenedFeature {
  const outside = OUTSIDE.exec(packed)?.groups as Outside | undefined;
  if (outside === undefined) return { refusal: 'it is damaged' };
  try {
    const { text } = outside;
    if (!seal.isSealed(text, decodeId(outside.seal))) return { refusal: 'it is damaged, or sealed by somebody else' };
    const record = JSON.parse(text) as SharedFeature;
    if (!isOf(record, field, outside)) return { refusal: 'it is the record of something else' }; // (1)
    return { record: agedFeature(record, Math.max(0, serverMs - Number(outside.savedMs))) }; // (2)
  } catch (error) {
    return { refusal: `it cannot be read: ${messageOf(error)}` };
  }
}

/** Returns what the outside of a packed record says; undefined where that is none. */
export function orderOf(packed: string): PackedOrder | undefined {
  const parts = OUTSIDE.exec(packed)?.groups;
  return parts === undefined ? undefined : { revision: Number(parts['revision']), origin: parts['origin'] ?? '' };
}

/** Whether a record that was seen has a place after one that is there now: it was lost. */
export function isBehind(now: PackedOrder | undefined, seen: PackedOrder): boolean {
  if (now === undefined) return true;
  return now.revision === seen.revision ? now.origin < seen.origin : now.revision < seen.revision;
}

// --- internal ---

const OUTSIDE = /^(?<revision>\d{1,16}) (?<origin>[\da-f]*) (?<savedMs>\d{1,16}) (?<seal>\S*) (?<text>.*)$/s;

type Outside = Readonly<Record<'revision' | 'origin' | 'savedMs' | 'seal' | 'text', string>>;

function isOf(record: SharedFeature, field: string, { revision, origin }: Outside): boolean {
  return String(record.revision) === revision && toHex(record.origin) === origin && encodeId(record.feature) === field;
}

function toHex(text: string): string {
  return Array.from({ length: text.length }, (_each, index) =>
    text.charCodeAt(index).toString(16).padStart(4, '0'),
  ).join('');
}

function agedFeature(record: SharedFeature, elapsedMs: number): SharedFeature {
  const overrides = record.overrides.map((one) => ({ ...one, remainingMs: one.remainingMs - elapsedMs }));
  return { ...record, overrides };
}
