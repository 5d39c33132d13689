/**
 * Holdfast for Hono 4: middleware that gives every request its context, and answers what that broke.
 *
 *   app.use(requestContexts(requests)) ──► your middleware and routes
 *
 * With `@hono/node-server` it watches the response, as everywhere; elsewhere, the request's signal, whose reasons are made the same.
 *
 * @module
 */

import { ignoreRejection } from '@holdfast/core';

import type { HttpProblem } from '../problem.ts';
import { checkedContextOf } from '../server/chain.ts';
import { lifeOf } from '../server/one-request.ts';
import type { IncomingRequest, OutgoingResponse } from '../server/http-message.ts';
import { type RequestContexts, requireRequests } from '../server/request-contexts.ts';
import type { RequestLife } from '../server/request-life.ts';
import { entryOf, storeEntry } from '../server/request-store.ts';
import { FetchResponse } from './fetch-response.ts';

/** What is used of a context of Hono. */
export interface HonoContextLike {
  readonly req: { readonly raw: Request };
  readonly env: unknown;
  res: Response | undefined;
  readonly error?: Error | undefined;
}

/** Middleware of Hono. */
// oxlint-disable-next-line typescript/no-explicit-any -- of Hono's own, generic type
export type HonoMiddleware = (c: any, next: () => Promise<void>) => Promise<Response | undefined | void>;

/**
 * Makes the middleware that begins requests. Use it first; a request that was begun already goes through. Handlers find their context with `contextOf(c)` or `contextOf(c.req.raw)`.
 * What they throw and is ours is answered, whatever your `onError` has made of it.
 */
export function requestContexts(requests: RequestContexts): HonoMiddleware {
  requireRequests('requestContexts', requests);
  return async (c: HonoContextLike, next) => {
    if (lifeOf(c) === undefined) return new HonoRequest(c, requests).run(next);
    await next(); // it was begun by an app that this one is a route of
    return undefined;
  };
}

/** Makes the middleware that lets only requests with a context through; others are an error, `MissingRequestContextError`. */
export function requireRequestContext(): HonoMiddleware {
  return async (c: HonoContextLike, next) => {
    checkedContextOf(c);
    await next();
  };
}

// --- internal ---

/** One request on its way through. */
class HonoRequest {
  readonly #c: HonoContextLike;
  readonly #life: RequestLife;
  readonly #fetched: FetchResponse | undefined;
  readonly #problem: Promise<Response>;
  #tell: (response: Response) => void = () => {};
  #response: Response | undefined = undefined;

  constructor(c: HonoContextLike, requests: RequestContexts) {
    const { raw } = c.req;
    const node = nodeMessages(c.env);
    this.#c = c;
    this.#problem = new Promise((resolve) => (this.#tell = resolve));
    this.#fetched = node === undefined ? new FetchResponse(raw) : undefined;
    const request = node?.incoming ?? { method: raw.method, url: raw.url, headers: Object.fromEntries(raw.headers) };
    const response = node?.outgoing ?? this.#fetched;
    this.#life = requests.begin(request, response as OutgoingResponse, (problem) => this.#answer(problem));
    const entry = entryOf(request);
    for (const each of [c, raw]) if (entry !== undefined) storeEntry(each, entry);
  }

  async run(next: () => Promise<void>): Promise<Response | undefined> {
    const work = new Promise<undefined>((resolve, reject) => {
      this.#life.start(() => next().then(() => resolve(undefined), reject));
    });
    const early = await Promise.race([this.#problem, work]);
    ignoreRejection(work);
    if (early !== undefined) return this.#complete(early);
    const { error } = this.#c;
    if (error !== undefined) this.#life.fail(error); // Hono has answered it, and we know better
    if (this.#response !== undefined) this.#replace(this.#response);
    if (this.#c.res !== undefined && this.#fetched !== undefined) this.#replace(this.#complete(this.#c.res));
    return undefined;
  }

  // --- internal ---

  #answer({ status, headers, body }: HttpProblem): void {
    this.#response = new Response(body, { status, headers: { ...headers } });
    this.#tell(this.#response);
  }

  #replace(response: Response): void {
    this.#c.res = undefined; // or its headers would be mixed with those of the new one
    this.#c.res = response;
  }

  #complete(response: Response): Response {
    return this.#fetched?.complete(response) ?? response;
  }
}

/** The messages of `@hono/node-server`, where it is that which serves. */
function nodeMessages(
  env: unknown,
): { readonly incoming: IncomingRequest; readonly outgoing: OutgoingResponse } | undefined {
  const { incoming, outgoing } = (env ?? {}) as {
    readonly incoming?: IncomingRequest;
    readonly outgoing?: OutgoingResponse;
  };
  return incoming === undefined || typeof outgoing?.on !== 'function' ? undefined : { incoming, outgoing };
}
