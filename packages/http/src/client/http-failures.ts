/**
 * HTTP failures: what a status or the code of an error says about the server that was called, and whether sending the request
 * again may help. One table: breakers, retries and the page of documentation read it.
 *
 * Invariants
 *  (1) The first row that fits decides; a status that fits none is a success, an error that fits none a failure that will not pass.
 *  (2) An error is `unsent` only where nothing of the request can have reached the server.
 *  (3) Looking never throws, whatever was thrown.
 *
 * Source of the statuses: RFC 9110, HTTP Semantics, R. Fielding et al., 2022, section 15.
 *
 * @module
 */

import type { Verdict } from '@holdfast/core';

import { fieldOf } from '../field-of.ts';

/** What one kind of answer or error means. */
export interface HttpFailure {
  /** Statuses, `5xx` for all of a class, or codes of errors. */
  readonly matches: readonly string[];
  /** What it says about the server: for circuit breakers. */
  readonly verdict: Verdict;
  /** Whether the same request may have another answer soon. */
  readonly isTransient: boolean;
  /** Whether nothing was sent: `always`, `never`, or `connecting`, while the connection was not made. */
  readonly unsent: 'always' | 'never' | 'connecting';
  readonly meaning: string;
}

/** The table, for statuses. What it does not name is a success: the server answers. */
export const httpStatusFailures: readonly HttpFailure[] = Object.freeze([
  status(['408'], 'failure', true, 'the server waited too long for the request'),
  status(['425'], 'ignored', true, 'too early for this connection'),
  status(['429'], 'failure', true, 'too many requests; `Retry-After` may say until when'),
  status(['499'], 'ignored', false, 'the server, or one behind it, says that the caller left'),
  status(['501', '505'], 'success', false, 'the server cannot do this, today or tomorrow'),
  status(['504'], 'failure', true, 'a deadline passed at the server, or at one behind it'),
  status(['5xx'], 'failure', true, 'the server failed; `Retry-After` may say for how long'),
]);

/** The table, for errors. What it does not name is a failure that will not pass. */
export const httpErrorFailures: readonly HttpFailure[] = Object.freeze([
  error(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT'], 'failure', true, 'always', 'nobody accepts the connection'),
  error(['EAI_AGAIN', 'ENOTFOUND', 'EAI_FAIL', 'EAI_NODATA'], 'failure', true, 'always', 'the name cannot be resolved'),
  error(
    ['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'ETIMEDOUT', 'EADDRNOTAVAIL'],
    'failure',
    true,
    'connecting',
    'there is no way to the host',
  ),
  error(
    ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_HTTP2_STREAM_ERROR'],
    'failure',
    true,
    'never',
    'the connection broke',
  ),
  error(
    ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ERR_SOCKET_TIMEOUT'],
    'failure',
    true,
    'never',
    'the client had a limit of its own, and the server said nothing for as long',
  ),
  error(
    [
      'CERT_HAS_EXPIRED',
      'CERT_NOT_YET_VALID',
      'CERT_REVOKED',
      'CERT_UNTRUSTED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'HOSTNAME_MISMATCH',
    ],
    'failure',
    false,
    'always',
    'the certificate of the server is not acceptable',
  ),
  error(
    ['EPROTO', 'ERR_SSL_*'],
    'failure',
    false,
    'never',
    'TLS failed, as where the server wants a certificate of ours',
  ),
  error(
    ['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_RES_EXCEEDED_MAX_SIZE', 'HPE_*'],
    'failure',
    false,
    'never',
    'the answer is no HTTP, or too large',
  ),
  error(
    [
      'UND_ERR_INVALID_ARG',
      'ERR_INVALID_URL',
      'ERR_INVALID_ARG_TYPE',
      'ERR_INVALID_CHAR',
      'ERR_INVALID_HTTP_TOKEN',
      'ERR_BAD_OPTION',
      'ERR_BAD_OPTION_VALUE',
    ],
    'ignored',
    false,
    'never',
    'the call itself is wrong',
  ),
  error(
    ['UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'UND_ERR_ABORTED', 'UND_ERR_ABORT', 'ERR_CANCELED', 'REDIRECT_REFUSED'],
    'ignored',
    false,
    'never',
    'the caller, its client or its rules ended the call',
  ),
]);

/** Returns the row of a status; undefined where it is a success. */
export function failureOfStatus(code: number): HttpFailure | undefined {
  return rowsByStatus.get(String(code)) ?? (code >= 500 && code <= 599 ? rowsByStatus.get('5xx') : undefined);
}

/** Returns the row of an error, by the first code that the table knows in it or in its causes. Never throws. */
export function failureOfError(thrown: unknown): HttpFailure | undefined {
  for (const link of chainOf(thrown)) {
    const row = rowOfCode(fieldOf(link, 'code'));
    if (row !== undefined) return row;
  }
  return undefined;
}

/** Whether an error, or one of its causes, has one of `codes`. Never throws. */
export function carriesCode(thrown: unknown, codes: ReadonlySet<unknown>): boolean {
  return chainOf(thrown).some((link) => codes.has(fieldOf(link, 'code')));
}

/** Whether nothing of the request can have been sent, as an error tells. Never throws. */
export function wasSurelyUnsent(thrown: unknown): boolean {
  for (const link of chainOf(thrown)) {
    const row = rowOfCode(fieldOf(link, 'code'));
    if (row === undefined || (row.unsent === 'connecting' && fieldOf(link, 'syscall') !== 'connect')) continue; // (2)
    return row.unsent !== 'never';
  }
  return false;
}

/** The status of a response, of whichever client, or of an error that has one. Never throws. */
export function statusOf(value: unknown): number | undefined {
  const own = fieldOf(value, 'status') ?? fieldOf(value, 'statusCode');
  if (typeof own === 'number') return own;
  const response = fieldOf(value, 'response');
  const inner = fieldOf(response, 'status') ?? fieldOf(response, 'statusCode');
  return typeof inner === 'number' ? inner : undefined;
}

/** The field of a header of a response, of whichever client, or of an error that has one. Never throws. */
export function headerOf(value: unknown, name: string): string | undefined {
  const headers = fieldOf(value, 'headers') ?? fieldOf(fieldOf(value, 'response'), 'headers');
  const found = callGet(headers, name) ?? fieldOf(headers, name);
  if (typeof found === 'string') return found;
  return Array.isArray(found) && typeof found[0] === 'string' ? found[0] : undefined;
}

// --- internal ---

function status(matches: readonly string[], verdict: Verdict, isTransient: boolean, meaning: string): HttpFailure {
  return Object.freeze({ matches: Object.freeze(matches), verdict, isTransient, unsent: 'never', meaning });
}

// oxlint-disable-next-line max-params -- a row of the table reads as one
function error(
  matches: readonly string[],
  verdict: Verdict,
  isTransient: boolean,
  unsent: HttpFailure['unsent'],
  meaning: string,
): HttpFailure {
  return Object.freeze({ matches: Object.freeze(matches), verdict, isTransient, unsent, meaning });
}

const rowsByStatus = byMatch(httpStatusFailures);
const rowsByCode = byMatch(httpErrorFailures);

function byMatch(rows: readonly HttpFailure[]): ReadonlyMap<string, HttpFailure> {
  return new Map(rows.toReversed().flatMap((row) => row.matches.map((match) => [match, row] as const)));
}

function rowOfCode(code: unknown): HttpFailure | undefined {
  if (typeof code !== 'string') return undefined;
  const family = ['HPE_', 'ERR_SSL_'].find((start) => code.startsWith(start));
  return rowsByCode.get(code) ?? (family === undefined ? undefined : rowsByCode.get(`${family}*`));
}

const MAX_LINKS = 10;

/** The error, its causes, and of an `AggregateError` the first of its errors: the addresses of a name were tried in turn. */
function chainOf(thrown: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let link = thrown; link !== undefined && chain.length < MAX_LINKS && !chain.includes(link);) {
    chain.push(link);
    const errors = fieldOf(link, 'errors');
    link = fieldOf(link, 'cause') ?? (Array.isArray(errors) ? (errors as readonly unknown[])[0] : undefined);
  }
  return chain;
}

function callGet(headers: unknown, name: string): unknown {
  try {
    const { get } = (headers ?? {}) as { get?: unknown };
    return typeof get === 'function' ? (get.call(headers, name) as unknown) : undefined;
  } catch {
    return undefined;
  }
}
