/**
 * Fetch request: what a caller of fetch asks for, read once, so that it can be sent more than once.
 *
 * @module
 */

import type { AbortSignalLike } from '@holdfast/core';

import type { RequestFacts } from '../client/http-call.ts';
import { IDEMPOTENCY_KEY, isIdempotent } from '../client/http-request.ts';
import { isSpentOnceSent, isStream } from '../client/request-body.ts';
import type { FetchHop } from './redirects.ts';

/** What can be sent. */
export type FetchBody = RequestInit['body'];

/** What {@link ContextFetch} takes beside the URL: what `fetch` does, and more. */
export interface FetchInit extends Omit<RequestInit, 'body'> {
  /** The body, or a function that makes one for each request: the only way to send a stream more than once. */
  readonly body?: FetchBody | (() => FetchBody);
  /**
   * Whether the request may be done twice, and so be retried and hedged. By default that is so if it has an `Idempotency-Key`, and
   * for GET, HEAD, OPTIONS, TRACE, PUT and DELETE.
   */
  readonly idempotent?: boolean;
}

/** A request, as it was asked for. */
export interface FetchRequest {
  readonly facts: RequestFacts;
  readonly first: FetchHop;
  readonly mode: 'follow' | 'error' | 'manual';
  /** The signals that were given with it. */
  readonly signals: readonly AbortSignalLike[];
  /** Whatever else fetch was given, for every request. */
  readonly rest: RequestInit;
  /** The `Request` that was handed in, if one was. */
  readonly given: Request | undefined;
  /** Makes the body; what it returns goes with one request. */
  makeBody(): FetchBody;
}

/**
 * Reads what a caller asks for.
 *
 * @throws TypeError when the URL is none.
 */
export function readFetchRequest(
  input: string | URL | Request,
  init: FetchInit,
  baseUrl: URL | undefined,
): FetchRequest {
  const { body, idempotent, signal, headers: ownHeaders, method: ownMethod, redirect, ...rest } = init;
  const given = isRequest(input) ? input : undefined;
  const fallback = given ?? { method: 'GET', redirect: 'follow' as const, headers: undefined };
  const url = urlOf(isRequest(input) ? input.url : input, baseUrl);
  const method = (ownMethod ?? fallback.method).toUpperCase();
  const headers = new Headers(ownHeaders ?? fallback.headers);
  const source = bodySourceOf(body, given);
  const hasKey = Boolean(headers.get(IDEMPOTENCY_KEY));
  const hasOneShotBody = isSpentOnceSent(source);
  const { origin, href } = url;
  return {
    facts: { method, origin, url: href, isIdempotent: isIdempotent({ method, hasKey, idempotent }), hasOneShotBody },
    first: { url, method, headers, hasBody: source !== undefined },
    mode: redirect ?? fallback.redirect,
    signals: signalsOf(signal, given),
    rest,
    given,
    makeBody: () => (typeof source === 'function' ? source() : source),
  };
}

/** Whether fetch must be told that it need not wait for the end of the body. */
export function needsDuplex(body: FetchBody): boolean {
  return isStream(body);
}

// --- internal ---

function urlOf(input: string | URL, baseUrl: URL | undefined): URL {
  const text = String(input);
  if (URL.canParse(text, baseUrl?.href)) return new URL(text, baseUrl);
  const hint = baseUrl === undefined ? '; a relative one needs the option baseUrl of createFetch' : '';
  throw new TypeError(`fetch needs a valid URL, got ${JSON.stringify(text)}${hint}`);
}

/** What makes the body: what was given beside the URL, else the stream of the request that was handed in. */
function bodySourceOf(body: FetchInit['body'], given: Request | undefined): FetchInit['body'] | undefined {
  if (body !== undefined && body !== null) return body;
  return given?.body ?? undefined;
}

function signalsOf(signal: AbortSignal | null | undefined, given: Request | undefined): readonly AbortSignalLike[] {
  return [signal, given?.signal].filter((each) => each !== undefined && each !== null);
}

function isRequest(input: unknown): input is Request {
  return typeof input === 'object' && input !== null && 'url' in input && 'headers' in input;
}
