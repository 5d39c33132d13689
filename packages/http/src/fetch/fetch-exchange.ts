/**
 * Fetch exchange: one try of a call, with the redirects that it leads to, to the head of the answer.
 *
 * @module
 */

import type { Exchange } from '../client/http-call.ts';
import type { FetchLike, FetchSettings } from './fetch-options.ts';
import { type FetchRequest, needsDuplex } from './fetch-request.ts';
import { guardResponse } from './guarded-response.ts';
import { type FetchHop, followRedirects } from './redirects.ts';

/** Sends a request. Its signal is aborted when the tie is, which is released when the body has ended. */
export async function sendFetch(exchange: Exchange, request: FetchRequest, settings: FetchSettings): Promise<Response> {
  const { context, tie } = exchange;
  const controller = new AbortController();
  tie.onAbort((cause) => controller.abort(cause));
  const calledOrigin = request.first.url.origin;
  let hopCount = 0;
  const fetchHop = (hop: FetchHop): Promise<Response> => {
    if (hopCount++ > 0) exchange.hasArrived();
    const headers = new Headers(hop.headers);
    settings.propagation.inject(context, headers, { origin: hop.url.origin, calledOrigin });
    return callFetch(settings.fetch, hop, initOf(request, hop, { headers, signal: controller.signal }));
  };
  const { mode, facts } = request;
  const rules = { mode, maxRedirects: settings.maxRedirects, hasOneShotBody: facts.hasOneShotBody };
  const response = await followRedirects(request.first, rules, fetchHop);
  if (hopCount > 1) Object.defineProperty(response, 'redirected', { value: true, configurable: true });
  return guardResponse(response, () => tie.release());
}

// --- internal ---

function initOf(
  request: FetchRequest,
  { method, hasBody }: FetchHop,
  own: { readonly headers: Headers; readonly signal: AbortSignal },
): RequestInit {
  const body = hasBody ? request.makeBody() : undefined;
  return {
    ...settingsOf(request.given),
    ...request.rest,
    ...own,
    method,
    redirect: 'manual',
    ...(body !== undefined && { body }),
    ...(needsDuplex(body) && { duplex: 'half' }),
  };
}

/** What a `Request` says beside what is sent. */
function settingsOf(given: Request | undefined): RequestInit {
  if (given === undefined) return {};
  const { credentials, integrity, keepalive, mode, referrer, referrerPolicy } = given;
  const isNavigation = (mode as string) === 'navigate';
  return { credentials, integrity, keepalive, referrer, referrerPolicy, ...(!isNavigation && { mode }) };
}

async function callFetch(given: FetchLike | undefined, { url }: FetchHop, init: RequestInit): Promise<Response> {
  const send = given ?? globalThis.fetch;
  return send(url.href, init);
}
