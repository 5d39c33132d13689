/**
 * Pushback: the trailer by which a server says when it may be asked again, or that it must not be.
 *
 * Source: gRFC A6, "Server Pushback", N. Gulbrandsen, 2017, https://github.com/grpc/proposal/blob/master/A6-client-retries.md.
 * Deviation: a value that is no number is no pushback; the proposal reads it as "do not retry".
 *
 * @module
 */

import type { Metadata } from '@grpc/grpc-js';

/** The trailer's name. */
export const PUSHBACK = 'grpc-retry-pushback-ms';

/** Milliseconds until another try is welcome; Infinity for never, undefined where nothing is said. Never throws. */
export function readPushbackMs(trailers: Pick<Metadata, 'get'> | undefined): number | undefined {
  const values = textsOf(trailers);
  const [first] = values;
  if (first === undefined || values.length > 1 || !/^-?\d{1,10}$/.test(first)) return undefined;
  return first.startsWith('-') ? Infinity : Number(first);
}

/** Says in `trailers` when another try is welcome; 0 to Infinity, which says never. */
export function writePushbackMs(trailers: Metadata, retryAfterMs: number): void {
  trailers.set(PUSHBACK, retryAfterMs === Infinity ? '-1' : String(Math.min(Math.ceil(retryAfterMs), MAX_PUSHBACK_MS)));
}

// --- internal ---

const MAX_PUSHBACK_MS = 2_147_483_647;

function textsOf(trailers: Pick<Metadata, 'get'> | undefined): readonly string[] {
  try {
    return (trailers?.get(PUSHBACK) ?? []).map(String);
  } catch {
    return [];
  }
}
