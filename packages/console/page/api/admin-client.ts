/**
 * Admin client: requests to the API that this page came from.
 *
 * Invariants
 *  (1) No request goes anywhere else: every address is below the one that the page came from.
 *  (2) What was refused is told as an {@link ApiProblem}, with the words of the service.
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

/** Makes a client; `base` ends with a slash. */
export function createAdminClient(base: string, token: string, fetch: Fetch): AdminClient {
  const authorization = { Authorization: `Bearer ${token}` };
  return {
    async ask<Body>(method: string, path: string, body?: object): Promise<Body> {
      const headers = { ...authorization, ...(body !== undefined && { 'Content-Type': 'application/json' }) };
      const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
      const response = await answered(fetch(base + path, init)); // (1)
      return (await response.json()) as Body;
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
