/**
 * Holdfast for Express 5: middleware that gives every request its context, and answers what that broke.
 *
 *   app.use(requestContexts(requests)) ──► your middleware and routes ──► app.use(requestErrors(requests)) ──► your error handlers
 *
 * It knows Express by the shape of its middleware only; whatever is of that shape will do.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

import { type RequestContexts, requireRequests } from '../server/request-contexts.ts';
import { passChecked } from '../server/chain.ts';
import { lifeOf } from '../server/one-request.ts';

/** Middleware of Express. */
export type ExpressMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Middleware of Express for errors. */
export type ExpressErrorMiddleware = (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Makes the middleware that begins requests. Use it first. Handlers find their context with `contextOf(request)`. A request that was
 * begun already, by an app that this one is mounted in, goes through with the context that it has.
 */
export function requestContexts(requests: RequestContexts): ExpressMiddleware {
  requireRequests('requestContexts', requests);
  return (request, response, next): void => {
    if (lifeOf(request) === undefined) requests.begin(request, response).start(() => next());
    else next();
  };
}

/**
 * Makes the middleware that answers our errors, and those that come of the end of a context. Use it behind all routes. Errors of any
 * other kind go on to your own error handlers.
 */
export function requestErrors(requests: RequestContexts): ExpressErrorMiddleware {
  requireRequests('requestErrors', requests);
  return (error, request, response, next): void => {
    const life = lifeOf(request);
    if (life === undefined) {
      const isOurs = requests.problemOf(error) !== undefined && !response.headersSent;
      if (!isOurs) return next(error);
      return void requests.begin(request, response).fail(error);
    }
    if (!life.fail(error)) next(error);
  };
}

/** Makes the middleware that lets only requests with a context through; others are an error, `MissingRequestContextError`. */
export function requireRequestContext(): ExpressMiddleware {
  return (request, _response, next) => passChecked(request, next);
}
