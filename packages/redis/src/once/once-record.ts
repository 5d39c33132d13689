/**
 * Once record: how results and failures are written, and what replies of the scripts mean. Pure.
 *
 * @module
 */

import { OnceFailedError, type OnceFailure, OnceResultNotKeptError } from './once-error.ts';

/** What a job has come to, as it is written. */
export interface Written {
  /** `d` done, `n` done with a result that cannot be kept, `f` failed for good, `i` free again. */
  readonly outcome: 'd' | 'n' | 'f' | 'i';
  readonly text: string;
}

/** What a key has come to. */
export type Settled = { readonly value: unknown } | { readonly error: unknown };

/** What a claim has brought. */
export type Claim =
  | { readonly kind: 'mine'; readonly token: string; readonly tries: number }
  | { readonly kind: 'busy'; readonly leftMs: number }
  | { readonly kind: 'settled'; readonly settled: Settled };

/** What became of an attempt to record an outcome. */
export type Finish =
  | { readonly kind: 'ok' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'settled'; readonly settled: Settled };

/** Writes a result of at most `maxBytes`. A result of undefined is the empty text. */
export function writeResult(value: unknown, maxBytes: number): Written {
  let text: string;
  try {
    text = JSON.stringify(value) ?? ''; // undefined and functions have no JSON
  } catch {
    return { outcome: 'n', text: 'not-json' };
  }
  if (Buffer.byteLength(text) > maxBytes) return { outcome: 'n', text: 'too-large' };
  return { outcome: 'd', text };
}

/** Writes a failure, as far as it can be remembered. */
export function writeFailure(error: unknown): Written {
  const { name, message, code } = (error ?? {}) as Partial<OnceFailure>;
  const failure: OnceFailure = {
    name: typeof name === 'string' ? name.slice(0, MAX_NAME) : 'Error',
    message: (typeof message === 'string' ? message : String(error)).slice(0, MAX_MESSAGE),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
  };
  return { outcome: 'f', text: JSON.stringify(failure) };
}

/**
 * Reads the reply of a claim.
 *
 * @throws TypeError where it is none.
 */
export function readClaim(key: string, reply: unknown): Claim {
  const [kind, second, third] = listOf(reply);
  if (kind === 'mine') return { kind, token: String(second), tries: Number(third) };
  if (kind === 'busy') return { kind, leftMs: Number(second) };
  return { kind: 'settled', settled: readSettled(key, kind, String(second)) };
}

/**
 * Reads the reply of a finish.
 *
 * @throws TypeError where it is none.
 */
export function readFinish(key: string, reply: unknown): Finish {
  const [kind, second] = listOf(reply);
  if (kind === 'ok' || kind === 'lost') return { kind };
  return { kind: 'settled', settled: readSettled(key, kind, String(second)) };
}

// --- internal ---

const MAX_NAME = 200;
const MAX_MESSAGE = 2000;

function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function readSettled(key: string, state: unknown, text: string): Settled {
  if (state === 'd') return { value: text === '' ? undefined : (JSON.parse(text) as unknown) };
  if (state === 'n') return { error: new OnceResultNotKeptError(key, text) };
  if (state === 'f') return { error: new OnceFailedError(key, JSON.parse(text) as OnceFailure) };
  throw new TypeError('not a reply of once');
}
