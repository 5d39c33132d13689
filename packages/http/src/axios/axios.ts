/**
 * axios under a context: the time that is left bounds the whole call and goes along in its headers, and what ended it comes back
 * as it is, where axios would reduce it to a message.
 *
 * Use it with an instance of axios that is set up as you like it: its base URL, transforms and interceptors hold.
 *
 * Invariants
 *  (1) axios gets a signal of its own for each request, never one that lives on.
 *  (2) A call that ended with its context fails with the context's cause, by identity; so does a stream that is still read.
 *  (3) No origin that a server redirects to is told what is in the context, unless `propagateTo` names it.
 *
 * @module
 */

import { ConfigError, type Context, type Policy, requireContext, withKnown } from '@holdfast/core';

import { boundedBy, checkCallLimits } from '../client/call-limits.ts';
import { runHttpCall } from '../client/http-call.ts';
import { IDEMPOTENCY_KEY, isIdempotent } from '../client/http-request.ts';
import { type PropagationOptions, createPropagation } from '../client/propagation.ts';
import { isSpentOnceSent } from '../client/request-body.ts';
import {
  type AxiosAnswer,
  type AxiosClient,
  type AxiosConfig,
  axiosOrigin,
  plainAxiosHeaders,
} from './axios-client.ts';
import { discardAxios, responseInAxios, sendAxios } from './axios-exchange.ts';

export type { AxiosAnswer, AxiosClient, AxiosConfig } from './axios-client.ts';

/** Options of {@link createAxiosRequest}. Omitted ones take {@link createAxiosRequestDefaults}. */
export interface CreateAxiosRequestOptions extends PropagationOptions {
  /** What each call goes through: a pipeline, as {@link httpPolicies} makes one. By default none. */
  readonly policy?: Policy<unknown>;
  /**
   * Bound of a whole call, with its tries and its body, beside that of the context. Milliseconds, 1 to Infinity; Infinity leaves
   * it to the context. @defaultValue Infinity
   */
  readonly timeoutMs?: number;
  /** Time that a request needs to be of use: with less left, none is sent. Milliseconds, 0 to 600 000. @defaultValue 1 */
  readonly minTimeLeftMs?: number;
}

/** Every default of {@link createAxiosRequest}, in one place. */
export const createAxiosRequestDefaults: { readonly timeoutMs: number; readonly minTimeLeftMs: number } = Object.freeze(
  {
    timeoutMs: Infinity,
    minTimeLeftMs: 1,
  },
);

/** What a request of axios is told, and whether it may be done twice. */
export type ContextAxiosConfig<C> = Omit<C, 'data'> & {
  /** The body, or a function that makes one for each request: the only way to send a stream more than once. */
  readonly data?: unknown;
  /** Whether the request may be done twice. By default as its method and an `Idempotency-Key` say. */
  readonly idempotent?: boolean;
};

/** Requests under a context. */
export type ContextAxiosRequest<C> = <T = any>(
  context: Context,
  config: ContextAxiosConfig<C>,
) => Promise<AxiosAnswer<T>>;

/**
 * Creates a `request` of an axios instance whose first argument is the context.
 *
 * @throws ConfigError when an option is not valid, or the first argument is no axios.
 * @throws `context.cause` from the call when the context ended.
 * @throws NotEnoughTimeError from the call, when too little time was left; nothing was sent.
 * @throws the error of axios from the call, unchanged.
 *
 * @example
 * ```ts
 * const request = createAxiosRequest(axios.create({ baseURL: 'https://orders.internal' }), { policy: httpPolicies() });
 * const { data } = await request(context, { url: '/orders/7' });
 * ```
 */
export function createAxiosRequest<C extends AxiosConfig>(
  client: AxiosClient<C>,
  options: CreateAxiosRequestOptions = {},
): ContextAxiosRequest<C> {
  const { policy, timeoutMs, minTimeLeftMs, ...told } = resolve(client, options);
  const propagation = createPropagation('createAxiosRequest', told);

  return async function contextAxiosRequest<T>(context: Context, config: ContextAxiosConfig<C>) {
    requireContext('request', context);
    if (Object(config) !== config) throw new ConfigError('request.config', 'an object, as { url }', config);
    const { idempotent, data, signal, method: anyCase, ...rest } = config as ContextAxiosConfig<AxiosConfig>;
    const method = (anyCase ?? client.defaults.method ?? 'get').toUpperCase();
    const url = client.getUri(rest as C);
    const bounded = boundedBy(context, timeoutMs);
    const headers = plainAxiosHeaders(rest.headers);
    const hasKey = Object.entries(headers).some(
      ([name, value]) => name.toLowerCase() === IDEMPOTENCY_KEY && value !== '',
    );
    const answer = await runHttpCall<AxiosAnswer<unknown>>({
      context: signal === undefined ? bounded : bounded.withSignal(signal),
      request: {
        method,
        origin: axiosOrigin(url),
        url,
        isIdempotent: isIdempotent({ method, hasKey, idempotent }),
        hasOneShotBody: isSpentOnceSent(data),
      },
      policy,
      minTimeLeftMs,
      send: (exchange) => sendAxios({ client, propagation, exchange, config: { ...rest, method, data, headers }, url }),
      responseIn: responseInAxios,
      discard: discardAxios,
    });
    return answer as AxiosAnswer<T>;
  };
}

// --- internal ---

function resolve(
  client: unknown,
  options: CreateAxiosRequestOptions,
): CreateAxiosRequestOptions & typeof createAxiosRequestDefaults {
  const { request, getUri, defaults } = Object(client) as Partial<Record<keyof AxiosClient<never>, unknown>>;
  if (typeof request !== 'function' || typeof getUri !== 'function' || typeof defaults !== 'object')
    throw new ConfigError('createAxiosRequest.client', 'an instance of axios', client);
  const resolved = withKnown('createAxiosRequest', createAxiosRequestDefaults, options, [
    'codec',
    'propagateTo',
    'policy',
  ]);
  checkCallLimits('createAxiosRequest', resolved);
  return resolved;
}
