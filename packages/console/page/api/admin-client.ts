/**
 * Admin client: requests to the API that this page came from.
 *
 * Invariants
 *  (1) No request goes anywhere else: every address is below the one that the page came from.
 *  (2) What was refused is told as an {@link ApiProblem}, with the words of the service.
 *  (3) Whoever asks hears within `LIMIT_MS`, whatever the service does; where something may have been changed without an answer,
 *      the problem says so.
 *
 * @module
 */

/** A request that was refused, or did not get through. */
export class ApiProblem extends Error {
  /** 0 where no answer came. */
  readonly status: number;
  readonly code: string;
  /** Milliseconds until it makes sense to try again; undefined where nobody said. */
  readonly retryAfterMs: number | undefined;

  constructor(
    detail: string,
    { status, code, retryAfterMs }: { readonly status: number; readonly code: string; readonly retryAfterMs?: number },
  ) {
    super(detail);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Asks the API, with one token. */
export interface AdminClient {
  /** Returns the body of a 200. @throws ApiProblem for everything else. */
  ask<Body>(method: string, path: string, body?: object): Promise<Body>;
  /** Opens the stream of events, after that of `lastId`. @throws ApiProblem where it is refused. */
  watch(lastId: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** The platform's fetch, as far as it is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a client is made of. */
export interface ClientParts {
  /** Ends with a slash. */
  readonly base: string;
  readonly token: string;
  readonly fetch: Fetch;
  /** Calls `then` after a time; returns what cancels that. */
  readonly after: (ms: number, then: () => void) => () => void;
}

/** Makes a client. */
export function createAdminClient({ base, token, fetch, after }: ClientParts): AdminClient {
  const authorization = { Authorization: `Bearer ${token}` };
  return {
    async ask<Body>(method: string, path: string, body?: object): Promise<Body> {
      const limit = new AbortController();
      const stop = after(LIMIT_MS, () => limit.abort()); // (3)
      const headers = { ...authorization, ...(body !== undefined && { 'Content-Type': 'application/json' }) };
      const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }), signal: limit.signal };
      try {
        const response = await answered(fetch(base + path, init)); // (1)
        return (await response.json()) as Body;
      } catch (error) {
        if (error instanceof ApiProblem && error.status > 0) throw error;
        throw unanswered(method, limit.signal.aborted, error);
      } finally {
        stop();
      }
    },
    async watch(lastId, signal) {
      const headers = { ...authorization, ...(lastId !== undefined && { 'Last-Event-ID': lastId }) };
      const response = await answered(fetch(`${base}events`, { headers, signal }));
      if (response.body === null) throw new ApiProblem('the stream has no body', { status: 0, code: 'NO_BODY' });
      return response.body;
    },
  };
}

/** The path of what has an id or a name of its own. */
export function pathOf(list: string, id: string, what = ''): string {
  return `${list}/${encodeURIComponent(id)}${what}`;
}

// --- internal ---

/** More than the service takes for anything: it gives a store eight seconds, and a body five. Milliseconds. */
const LIMIT_MS = 20_000;

function unanswered(method: string, isLate: boolean, error: unknown): ApiProblem {
  const why = error instanceof ApiProblem ? error.message : 'What answered is no Holdfast admin API.';
  const words = isLate ? `The service did not answer within ${LIMIT_MS / 1000} s.` : why;
  const advice = method === 'GET' ? '' : ' It may have been done all the same: look before you try again.';
  return new ApiProblem(words + advice, { status: 0, code: isLate ? 'LATE_ANSWER' : 'NO_ANSWER' });
}

async function answered(call: Promise<Response>): Promise<Response> {
  const response = await call.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiProblem('The service does not answer.', { status: 0, code: 'NO_ANSWER' });
  });
  if (response.ok) return response;
  throw await problemOf(response); // (2)
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const { status, headers } = response;
  const seconds = Number(headers.get('Retry-After') ?? Number.NaN);
  const body = (await response.json().catch(() => ({}))) as { readonly detail?: unknown; readonly code?: unknown };
  const detail = typeof body.detail === 'string' ? body.detail : `The service answered with status ${status}.`;
  const code = typeof body.code === 'string' ? body.code : 'UNKNOWN';
  return new ApiProblem(detail, { status, code, ...(Number.isFinite(seconds) && { retryAfterMs: seconds * 1000 }) });
}
