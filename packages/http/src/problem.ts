/**
 * Problem: what a client is told of a request that could not be answered, in the form of RFC 9457.
 *
 *   error ── problemOf ──► status, headers, body
 *
 * Invariants
 *  (1) A body says what its row of the table says, and nothing that an error carries: no message, no name of a policy, no stack.
 *  (2) `Retry-After` is whole seconds, never less than what the rejection has told, and only where trying again makes sense.
 *  (3) Whatever the error is, asking never throws.
 *
 * Source: RFC 9457, Problem Details for HTTP APIs, M. Nottingham, E. Wilde, S. Dalal, 2023, https://www.rfc-editor.org/rfc/rfc9457.
 *
 * @module
 */

import { ConfigError, type Context, integerInRange, isRejection, isResilienceError, isTimeout } from '@holdfast/core';

import { isClientGone, isServerClosing } from './server/request-error.ts';

/** One kind of problem. */
export interface ProblemKind {
  /** The last part of its URI. */
  readonly slug: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Whether trying again makes sense. */
  readonly mayRetry: boolean;
}

/** What a client is answered. */
export interface HttpProblem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  /** The code of the row that it is of. */
  readonly code: string;
}

/** Every problem there is, by the code of the error. The page shows the same. */
export const problemKinds: Readonly<Record<string, ProblemKind>> = Object.freeze({
  DEADLINE_EXCEEDED: {
    slug: 'deadline-exceeded',
    status: 504,
    title: 'The deadline of the request has passed',
    detail: 'It could not be answered in time.',
    mayRetry: false,
  },
  CLIENT_GONE: {
    slug: 'client-gone',
    status: 499,
    title: 'The client has gone',
    detail: 'Nobody waits for the answer; nothing is sent.',
    mayRetry: false,
  },
  SERVER_CLOSING: {
    slug: 'server-closing',
    status: 503,
    title: 'The server is closing',
    detail: 'The request was broken off.',
    mayRetry: true,
  },
  SERVER_DRAINING: {
    slug: 'server-draining',
    status: 503,
    title: 'The server is closing',
    detail: 'The request was not begun.',
    mayRetry: true,
  },
  CIRCUIT_OPEN: {
    slug: 'circuit-open',
    status: 503,
    title: 'A part of the service is unavailable',
    detail: 'It is given time to recover.',
    mayRetry: true,
  },
  BULKHEAD_FULL: {
    slug: 'overloaded',
    status: 503,
    title: 'The service has too much to do',
    detail: 'There is no room for the request.',
    mayRetry: true,
  },
  RATE_LIMITED: {
    slug: 'rate-limited',
    status: 503,
    title: 'Too many requests',
    detail: 'The request came too soon.',
    mayRetry: true,
  },
  REJECTED: {
    slug: 'rejected',
    status: 503,
    title: 'The request was refused',
    detail: 'The service cannot take it now.',
    mayRetry: true,
  },
  INTERNAL: {
    slug: 'internal',
    status: 500,
    title: 'Something went wrong',
    detail: 'The request could not be answered.',
    mayRetry: false,
  },
});

/** What decides how an error is answered. */
export interface ProblemRules {
  /** Other statuses, by code: `{ RATE_LIMITED: 429 }`. 400 to 599. */
  readonly statuses?: Readonly<Record<string, number>>;
  /** `Retry-After` where the error does not know better. Milliseconds. */
  readonly retryAfterMs?: number;
}

/**
 * Returns what `error` is answered with; undefined for one that is none of ours, and says nothing about load or time: that is
 * your framework's matter. If `context` has ended, that is what the client is told, whatever the error is: it comes of that.
 */
export function problemOf(error: unknown, context?: Context, rules: ProblemRules = {}): HttpProblem | undefined {
  const code = (context === undefined ? undefined : codeOfEnd(context)) ?? codeOf(error);
  return code === undefined ? undefined : problemOfCode(code, retryAfterMsOf(error), rules);
}

/** Returns the problem of `code`, one of the table. `retryAfterMs` is what the error knows. */
export function problemOfCode(code: string, retryAfterMs?: number, rules: ProblemRules = {}): HttpProblem {
  const { slug, title, detail, mayRetry, status: usual } = kindOf(code);
  const status = rules.statuses?.[code] ?? usual;
  const seconds = mayRetry ? retryAfterSeconds(retryAfterMs ?? rules.retryAfterMs) : undefined;
  const body = JSON.stringify({ type: PROBLEM_BASE + slug, title, status, detail }); // (1)
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body)),
  };
  if (seconds !== undefined) headers['retry-after'] = String(seconds);
  return { status, headers, body, code };
}

/**
 * Returns the seconds for `Retry-After`, rounded up and at least 1; undefined for what is no time, or none that comes: Infinity.
 */
export function retryAfterSeconds(ms: number | undefined): number | undefined {
  if (typeof ms !== 'number' || !(ms >= 0) || ms === Infinity) return undefined;
  return Math.min(Math.max(1, Math.ceil(ms / 1000)), MAX_SECONDS); // (2)
}

/**
 * Checks statuses that were handed in.
 *
 * @throws ConfigError when one is of no code that there is, or no status of an error.
 */
export function checkStatuses(option: string, statuses: unknown): void {
  if (typeof statuses !== 'object' || statuses === null) throw new ConfigError(option, 'statuses by code', statuses);
  for (const [code, status] of Object.entries(statuses)) {
    if (!Object.hasOwn(problemKinds, code))
      throw new ConfigError(option, `codes of the table of problems: ${Object.keys(problemKinds).join(', ')}`, code);
    integerInRange(`${option}.${code}`, status, [400, 599]);
  }
}

// --- internal ---

const PROBLEM_BASE = 'https://holdfast.dev/problems/';

/** A day: who hears of more, hears of that. */
const MAX_SECONDS = 86_400;

function kindOf(code: string): ProblemKind {
  return (Object.hasOwn(problemKinds, code) ? problemKinds[code] : problemKinds['INTERNAL']) as ProblemKind;
}

function codeOfEnd(context: Context): string | undefined {
  if (context.endedBy === undefined) return undefined;
  if (context.endedBy === 'deadline') return 'DEADLINE_EXCEEDED';
  return codeOfCancel(context.cause);
}

function codeOfCancel(cause: unknown): string | undefined {
  if (isClientGone(cause)) return 'CLIENT_GONE';
  return isServerClosing(cause) ? 'SERVER_CLOSING' : undefined;
}

function codeOf(error: unknown): string | undefined {
  const known = codeOfCancel(error);
  if (known !== undefined) return known;
  if (isRejection(error)) return rowOf(error);
  return isTimeout(error) ? 'DEADLINE_EXCEEDED' : undefined;
}

/** The code of a rejection, if it has a row of its own. */
function rowOf(error: { readonly code: string }): string {
  try {
    return Object.hasOwn(problemKinds, error.code) ? error.code : 'REJECTED';
  } catch {
    return 'REJECTED'; // (3)
  }
}

/** What the error itself knows; a hostile one knows nothing. */
function retryAfterMsOf(error: unknown): number | undefined {
  try {
    return isResilienceError(error) ? error.retryAfterMs : undefined;
  } catch {
    return undefined; // (3)
  }
}
