/**
 * Problem table: every problem that servers of ours answer by themselves, with its status and its words. The page shows the same.
 *
 * @module
 */

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
  UPSTREAM_UNAVAILABLE: {
    slug: 'upstream-unavailable',
    status: 503,
    title: 'Another service is unavailable',
    detail: 'It is needed for the request, and cannot be reached or has too much to do.',
    mayRetry: true,
  },
  UPSTREAM_LATE: {
    slug: 'upstream-late',
    status: 504,
    title: 'Another service did not answer in time',
    detail: 'It is needed for the request, which may have been done.',
    mayRetry: false,
  },
  UPSTREAM_FAILED: {
    slug: 'upstream-failed',
    status: 502,
    title: 'Another service has failed',
    detail: 'It is needed for the request, which may have been done.',
    mayRetry: false,
  },
  INTERNAL: {
    slug: 'internal',
    status: 500,
    title: 'Something went wrong',
    detail: 'The request could not be answered.',
    mayRetry: false,
  },
});

/** The row of `code`; the one of `INTERNAL` for a code that is in none. */
export function problemKindOf(code: string): ProblemKind {
  return (isInTable(code) ? problemKinds[code] : problemKinds['INTERNAL']) as ProblemKind;
}

/** Whether `code` has a row. */
export function isInTable(code: string): boolean {
  return Object.hasOwn(problemKinds, code);
}

/** The URI that names a kind. */
export function problemUriOf({ slug }: ProblemKind): string {
  return PROBLEM_BASE + slug;
}

// --- internal ---

const PROBLEM_BASE = 'https://holdfast.dev/problems/';
