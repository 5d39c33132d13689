/**
 * undici request: `dispatcher.request` whose first argument is the context, and which goes through policies.
 *
 * @module
 */

import { ConfigError, type Context, type Policy, requireContext, withKnown } from '@holdfast/core';

import { boundedBy, checkCallLimits } from '../client/call-limits.ts';
import { runHttpCall } from '../client/http-call.ts';
import { IDEMPOTENCY_KEY, isIdempotent } from '../client/http-request.ts';
import type { PropagationOptions } from '../client/propagation.ts';
import { isSpentOnceSent } from '../client/request-body.ts';
import { contextInterceptor, underTie } from './context-interceptor.ts';
import type { UndiciInterceptor } from './undici-client.ts';
import { plainHeadersOf } from './undici-headers.ts';

/** What of a dispatcher of undici is used: an `Agent`, a `Pool`, a `Client`, composed or not. */
export interface RequestDispatcher<O, R> {
  compose(interceptors: UndiciInterceptor[]): { request(options: O): Promise<R> };
}

/** Options of {@link createRequest}. Omitted ones take {@link createRequestDefaults}. */
export interface CreateRequestOptions extends PropagationOptions {
  /**
   * Interceptors of undici that stand around each request, as `interceptors.redirect()`: those that send it elsewhere belong here, and
   * not into the dispatcher, where they would take along what only one origin is to know.
   * @defaultValue []
   */
  readonly interceptors?: readonly UndiciInterceptor[];
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

/** Every default of {@link createRequest}, in one place. */
export const createRequestDefaults: {
  readonly interceptors: readonly UndiciInterceptor[];
  readonly timeoutMs: number;
  readonly minTimeLeftMs: number;
} = Object.freeze({
  interceptors: Object.freeze([]),
  timeoutMs: Infinity,
  minTimeLeftMs: 1,
});

/** What a request of undici is told, but for where it goes. */
export type UndiciRequest<O> = Omit<O, 'origin' | 'path' | 'method' | 'signal' | 'body'> & {
  /** @defaultValue 'GET' */
  readonly method?: string;
  /** The body, or a function that makes one for each request: the only way to send a stream more than once. */
  readonly body?: unknown;
  /** A signal of the caller's own, beside the context. */
  readonly signal?: AbortSignal;
  /** Whether the request may be done twice. By default as its method and an `Idempotency-Key` say. */
  readonly idempotent?: boolean;
};

/** Requests under a context. */
export type ContextRequest<O, R> = (context: Context, url: string | URL, request?: UndiciRequest<O>) => Promise<R>;

/**
 * Creates a `request` of a dispatcher whose first argument is the context. The answer is undici's own.
 *
 * @throws ConfigError when an option is not valid, or the first argument is no dispatcher.
 * @throws `context.cause` from the call, and from reading the body, when the context ended.
 * @throws the error of undici from the call, unchanged.
 *
 * @example
 * ```ts
 * const request = createRequest(new Agent(), { policy: httpPolicies() });
 * const { statusCode, body } = await request(context, 'https://orders.internal/orders/7');
 * ```
 */
export function createRequest<O, R extends UndiciAnswer>(
  dispatcher: RequestDispatcher<O, R>,
  options: CreateRequestOptions = {},
): ContextRequest<O, R> {
  const { policy, timeoutMs, minTimeLeftMs, interceptors, ...told } = resolve(dispatcher, options);
  const client = dispatcher.compose([contextInterceptor({ ...told, minTimeLeftMs: 0 }), ...interceptors]);

  return async function contextRequest(context, url, request = {} as UndiciRequest<O>) {
    requireContext('request', context);
    const { origin, pathname, search, href } = absolute(String(url));
    const { signal, idempotent, body, method: anyCase = 'GET', ...rest } = request as UndiciRequest<object>;
    const method = anyCase.toUpperCase();
    const bounded = boundedBy(context, timeoutMs);
    const facts = { method, hasKey: hasKey(rest), idempotent };
    return runHttpCall<R>({
      context: signal === undefined ? bounded : bounded.withSignal(signal),
      request: { method, origin, url: href, isIdempotent: isIdempotent(facts), hasOneShotBody: isSpentOnceSent(body) },
      policy,
      minTimeLeftMs,
      send: (exchange) => {
        const sent: unknown = typeof body === 'function' ? (body as () => unknown)() : body;
        const whole = { ...rest, origin, path: pathname + search, method, ...(sent !== undefined && { body: sent }) };
        return client.request(underTie(exchange.context, whole, exchange) as O);
      },
      discard: ({ body: unread }) => void unread.on('error', () => {}).destroy(),
    });
  };
}

/** What of an answer of undici is used. */
export interface UndiciAnswer {
  readonly body: { on(event: 'error', listener: () => void): { destroy(): unknown } };
}

// --- internal ---

function absolute(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw new TypeError(
    `request needs an absolute URL, also where the dispatcher is a pool, got ${JSON.stringify(text)}`,
  );
}

function resolve(
  dispatcher: unknown,
  options: CreateRequestOptions,
): CreateRequestOptions & typeof createRequestDefaults {
  if (typeof (dispatcher as { compose?: unknown } | null)?.compose !== 'function')
    throw new ConfigError('createRequest.dispatcher', 'a dispatcher of undici', dispatcher);
  const resolved = withKnown('createRequest', createRequestDefaults, options, ['codec', 'propagateTo', 'policy']);
  const { interceptors } = resolved;
  if (!Array.isArray(interceptors)) throw new ConfigError('createRequest.interceptors', 'an array', interceptors);
  checkCallLimits('createRequest', resolved);
  return resolved;
}

function hasKey(request: object): boolean {
  const headers = plainHeadersOf((request as { headers?: unknown }).headers);
  return Object.entries(headers).some(([name, value]) => name.toLowerCase() === IDEMPOTENCY_KEY && value !== '');
}
