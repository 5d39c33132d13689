/**
 * Fetch under a context: the time that is left bounds the whole call, from the name of the host to the last byte of the body, and
 * goes along in its headers.
 *
 * Use it in place of `fetch` for every call of a service. Do not use it for what outlives its request, as a stream of events that
 * stays open for hours: give that a context of its own.
 *
 * Invariants
 *  (1) Fetch gets a signal of its own for each request, never one that lives on.
 *  (2) Nothing listens to the context once the body has ended.
 *
 * @module
 */

import { type Context, requireContext } from '@holdfast/core';

import { boundedBy } from '../client/call-limits.ts';
import { runHttpCall } from '../client/http-call.ts';
import { cancelBody } from './guarded-response.ts';
import { type FetchInit, type FetchRequest, readFetchRequest } from './fetch-request.ts';
import { sendFetch } from './fetch-exchange.ts';
import { type CreateFetchOptions, resolveFetchOptions } from './fetch-options.ts';

export { type CreateFetchOptions, type FetchLike, createFetchDefaults } from './fetch-options.ts';
export type { FetchBody, FetchInit } from './fetch-request.ts';

/** Fetches under a context. */
export type ContextFetch = (context: Context, input: string | URL | Request, init?: FetchInit) => Promise<Response>;

/**
 * Creates a `fetch` whose first argument is the context. The response is as that of `fetch`: one of any status fulfils.
 *
 * @throws ConfigError when an option is not valid.
 * @throws `context.cause` from the call, and from reading the body, when the context ended.
 * @throws NotEnoughTimeError from the call, when too little time was left; nothing was sent.
 * @throws RedirectError from the call, when a redirect was not followed.
 * @throws the error of fetch from the call, unchanged.
 *
 * @example
 * ```ts
 * const fetchOrders = createFetch({ baseUrl: 'https://orders.internal', policy: httpPolicies() });
 * const order = await (await fetchOrders(context, '/orders/7')).json();
 * ```
 */
export function createFetch(options: CreateFetchOptions = {}): ContextFetch {
  const settings = resolveFetchOptions(options);

  return async function contextFetch(context, input, init) {
    requireContext('fetch', context);
    const request = readFetchRequest(input, init ?? {}, settings.baseUrl);
    return runHttpCall<Response>({
      context: boundOf(context, request, settings.timeoutMs),
      request: request.facts,
      policy: settings.policy,
      minTimeLeftMs: settings.minTimeLeftMs,
      send: (exchange) => sendFetch(exchange, request, settings),
      discard: cancelBody,
    });
  };
}

// --- internal ---

/** All that may end the call: the context, the signals of the caller's own, and the client's own bound. */
function boundOf(context: Context, { signals }: FetchRequest, timeoutMs: number): Context {
  let bound = boundedBy(context, timeoutMs);
  for (const signal of signals) bound = bound.withSignal(signal);
  return bound;
}
