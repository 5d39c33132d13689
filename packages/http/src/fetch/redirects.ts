/**
 * Redirects: follows where a server points, hop by hop, so that each origin is told only what it may know. Fetch itself would
 * hand every header on but the credentials.
 *
 * Invariants
 *  (1) At most `maxRedirects` are followed.
 *  (2) A body that is spent is not sent to another place.
 *  (3) The answers that point elsewhere are thrown away.
 *  (4) No credentials go to another origin.
 *
 * Source: the Fetch Standard, HTTP-redirect fetch, https://fetch.spec.whatwg.org/#http-redirect-fetch.
 * Deviation: a fragment is not carried over.
 *
 * @module
 */

import { RedirectError } from '../client/http-client-error.ts';
import { credentialHeaders } from '../client/propagation.ts';
import { cancelBody } from './guarded-response.ts';

/** Where a request goes, and as what. */
export interface FetchHop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  /** Whether the body goes along. */
  readonly hasBody: boolean;
}

/** What is followed. */
export interface RedirectRules {
  readonly mode: 'follow' | 'error' | 'manual';
  readonly maxRedirects: number;
  /** Whether the body is spent once it was sent. */
  readonly hasOneShotBody: boolean;
}

/**
 * Fetches `first` and what it leads to.
 *
 * @throws RedirectError when a redirect is not followed.
 */
export async function followRedirects(
  first: FetchHop,
  rules: RedirectRules,
  fetchHop: (hop: FetchHop) => Promise<Response>,
): Promise<Response> {
  let hop = first;
  for (let followed = 0; ; followed++) {
    const response = await fetchHop(hop);
    const location = locationOf(response);
    if (location === undefined || rules.mode === 'manual') return response;
    const { status } = response;
    cancelBody(response); // (3)
    if (rules.mode === 'error') throw new RedirectError('forbidden', status);
    if (followed >= rules.maxRedirects) throw new RedirectError('too-many', status); // (1)
    hop = nextHop(hop, { location, status, hasOneShotBody: rules.hasOneShotBody });
  }
}

// --- internal ---

function locationOf(response: Response): string | undefined {
  if (!redirectStatuses.has(response.status)) return undefined;
  return response.headers.get('location') ?? undefined;
}

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

interface Pointer {
  readonly location: string;
  readonly status: number;
  readonly hasOneShotBody: boolean;
}

function nextHop(hop: FetchHop, pointer: Pointer): FetchHop {
  const { status, hasOneShotBody } = pointer;
  const url = placeOf(hop, pointer);
  const turnsToGet = becomesGet(hop.method, status);
  const hasBody = hop.hasBody && !turnsToGet;
  if (hasBody && hasOneShotBody) throw new RedirectError('body', status); // (2)
  const headers = new Headers(hop.headers);
  const withheld = url.origin === hop.url.origin ? [] : credentialHeaders; // (4)
  for (const name of [...withheld, ...(turnsToGet ? bodyHeaders : [])]) headers.delete(name);
  return { url, headers, method: turnsToGet ? 'GET' : hop.method, hasBody };
}

function placeOf(hop: FetchHop, { location, status }: Pointer): URL {
  const url = URL.canParse(location, hop.url.href) ? new URL(location, hop.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new RedirectError('location', status);
  return url;
}

/** Of 307 and 308 the method stays. */
function becomesGet(method: string, status: number): boolean {
  return status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST';
}

const bodyHeaders = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length'];
