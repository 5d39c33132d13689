/**
 * HTTP request: what policies can see of the request that they protect, in the context of the call.
 *
 * @module
 */

import { type Context, type ContextKey, contextKey } from '@holdfast/core';

/** A request that is being made. */
export interface HttpRequest {
  /** In upper case. */
  readonly method: string;
  /** `https://orders.internal:8443`. */
  readonly origin: string;
  readonly url: string;
  /** Whether it may be done twice: by its method, an idempotency key, or because the caller said so. */
  readonly isIdempotent: boolean;
  /** Whether its body is a stream, which can be sent once. */
  readonly hasOneShotBody: boolean;
  /**
   * Whether it may be sent once more now: its body can be made again, and it may be done twice or surely was not sent yet.
   */
  readonly mayBeSent: boolean;
}

/** The request that `context` belongs to; undefined where it is none of a client of this package. */
export function httpRequestOf(context: Context): HttpRequest | undefined {
  return context.value(requestKey);
}

/**
 * The origin that is called: the key of one policy per origin, for `keyOf` of `keyed`.
 *
 * @throws TypeError when the context is none of a client of this package.
 */
export function httpOriginOf(context: Context): string {
  const request = httpRequestOf(context);
  if (request === undefined) throw new TypeError('httpOriginOf needs the context of a call of an HTTP client');
  return request.origin;
}

/** Derives the context of a call. */
export function withHttpRequest(context: Context, request: HttpRequest): Context {
  return context.withValue(requestKey, request);
}

/** What decides whether a request may be done twice. */
export interface IdempotencyFacts {
  readonly method: string;
  /** Whether it has an `Idempotency-Key` that is not empty. */
  readonly hasKey: boolean;
  /** What the caller says of it. */
  readonly idempotent: boolean | undefined;
}

/** Whether a request may be done twice. What the caller says decides; else the key; else the method. */
export function isIdempotent({ method, hasKey, idempotent }: IdempotencyFacts): boolean {
  return idempotent ?? (hasKey || idempotentMethods.has(method));
}

/** The header that makes a request idempotent whose method does not. */
export const IDEMPOTENCY_KEY = 'idempotency-key';

// --- internal ---

const requestKey: ContextKey<HttpRequest> = contextKey('http request');

/** RFC 9110, section 9.2.2. */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
