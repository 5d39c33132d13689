/**
 * Holdfast for Fastify 5: a plugin that gives every request its context, and answers what that broke.
 *
 *   await app.register(requestContexts, { requests })   before your routes, and for all of them, whatever their plugin
 *
 * Do not use `request.signal` of Fastify beside it: it aborts as soon as a body was read.
 *
 * It knows Fastify by the shape of its plugins only, and needs nothing of it at run time.
 *
 * @module
 */

import { ambient } from '@holdfast/context';
import { ConfigError, Context, inRange, systemClock } from '@holdfast/core';

import type { HttpProblem } from '../problem.ts';
import { passChecked } from '../server/chain.ts';
import {
  headersOfAnother,
  type IncomingRequest,
  makeDeaf,
  type OutgoingResponse,
  writeProblem,
} from '../server/http-message.ts';
import { lifeOf } from '../server/one-request.ts';
import type { RequestContexts } from '../server/request-contexts.ts';
import { contextOf, entryOf, storeEntry } from '../server/request-store.ts';

/** Options of the plugin. */
export interface FastifyContextsOptions {
  /** What gives requests their contexts. */
  readonly requests: RequestContexts;
  /** How long `app.close()` waits for requests under way, before it cancels them. Milliseconds, 0 to Infinity. @defaultValue 10_000 */
  readonly drainTimeoutMs?: number;
}

/** What is used of an instance of Fastify. */
export interface FastifyLike {
  // oxlint-disable-next-line typescript/no-explicit-any -- Fastify's hooks have one signature for each name
  addHook(name: any, hook: any): unknown;
}

/** What is used of a request of Fastify. */
export interface FastifyRequestLike {
  readonly raw: object;
}

/** What is used of a reply of Fastify. */
export interface FastifyReplyLike {
  readonly raw: object;
  readonly sent: boolean;
  code(status: number): FastifyReplyLike;
  header(name: string, value: string): FastifyReplyLike;
  removeHeader(name: string): FastifyReplyLike;
  send(payload?: string): FastifyReplyLike;
}

/** The plugin. It is not encapsulated: it is for every route of the instance that it is registered with, and of all within. */
export const requestContexts: FastifyPlugin = Object.assign(plugIn, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@holdfast/http',
  [Symbol.for('plugin-meta')]: { name: '@holdfast/http', fastify: '5.x' },
});

/** A plugin of Fastify. */
export type FastifyPlugin = (app: FastifyLike, options: FastifyContextsOptions, done: (error?: Error) => void) => void;

/** A `preHandler` hook that lets only requests with a context through; others are an error, `MissingRequestContextError`. */
export function requireRequestContext(
  request: FastifyRequestLike,
  _reply: unknown,
  done: (error?: Error) => void,
): void {
  passChecked(request, done);
}

// --- internal ---

type SendNext = (error: null, payload: unknown) => void;

type FastifyErrorHandler = (this: unknown, error: never, request: never, reply: never) => unknown;

type FastifyHandler = (this: unknown, request: never, reply: never) => unknown;

interface RouteLike {
  handler: FastifyHandler;
  errorHandler?: FastifyErrorHandler;
}

function plugIn(app: FastifyLike, options: FastifyContextsOptions, done: (error?: Error) => void): void {
  try {
    const { requests, drainTimeoutMs = 10_000 } = options;
    if (typeof requests?.begin !== 'function')
      throw new ConfigError('requests', 'what createRequestContexts has made', requests);
    inRange('drainTimeoutMs', drainTimeoutMs, [0, Infinity]);
    const sending = new WeakSet<object>();
    addRequestHooks(app, requests, sending);
    addErrorHooks(app, sending);
    app.addHook('onRoute', (route: RouteLike) => {
      route.handler = telling(route.handler);
      route.errorHandler = answering(route.errorHandler);
    });
    app.addHook('preClose', (next: () => void) => {
      void requests.drain(Context.withClock(systemClock).withTimeout(drainTimeoutMs)); // Fastify waits for the requests
      next();
    });
  } catch (error) {
    return done(error as Error);
  }
  done();
}

/** `sending` has the requests whose answer is on its way through the hooks of others: it is not answered for its handler any more. */
function addRequestHooks(app: FastifyLike, requests: RequestContexts, sending: WeakSet<object>): void {
  app.addHook('onRequest', (request: FastifyRequestLike, reply: FastifyReplyLike, next: () => void) => {
    const begun = entryOf(request.raw); // by the same plugin, of an instance around this one
    if (begun !== undefined) return next();
    const answer = (problem: HttpProblem): boolean => {
      if (sending.has(request)) return false;
      if (reply.sent) answerHijacked(request, reply, problem);
      else writeHead(reply, problem).send(problem.body);
      return true;
    };
    const life = requests.begin(request.raw as IncomingRequest, reply.raw as OutgoingResponse, answer);
    const entry = entryOf(request.raw);
    if (entry !== undefined) storeEntry(request, entry);
    life.start(next);
  });
  app.addHook('preHandler', (request: FastifyRequestLike, _reply: unknown, next: () => void) => {
    const isLost = ambient.current() === undefined && requests.isAmbient; // a body was read since, in somebody else's turn
    if (isLost) ambient.run(contextOf(request), next);
    else next();
  });
  app.addHook('onResponse', (request: FastifyRequestLike, _reply: unknown, next: () => void) => {
    lifeOf(request)?.settle(); // where there is no socket that closes, as of app.inject()
    next();
  });
}

/** For routes that were there before this plugin, and errors that nobody handles: Fastify's own answer is replaced. */
function addErrorHooks(app: FastifyLike, sending: WeakSet<object>): void {
  const unhandled = new WeakMap<object, HttpProblem>();
  app.addHook('onError', (request: FastifyRequestLike, _reply: unknown, error: unknown, next: () => void) => {
    const problem = lifeOf(request)?.problemOf(error);
    if (problem !== undefined) unhandled.set(request, problem);
    sending.delete(request); // what was to be sent is not; the error is answered
    next();
  });
  const onSend = (request: FastifyRequestLike, reply: FastifyReplyLike, payload: unknown, next: SendNext): void => {
    sending.add(request);
    const problem = unhandled.get(request);
    if (problem === undefined) return next(null, payload);
    unhandled.delete(request);
    writeHead(reply, problem);
    next(null, problem.body);
  };
  app.addHook('onSend', onSend);
}

/** The error handler of a route: what is ours is answered, all else goes where it went before. */
function answering(before: FastifyErrorHandler | undefined): FastifyErrorHandler {
  return function (this: unknown, error: never, request: never, reply: never): unknown {
    if (lifeOf(request)?.fail(error) === true) return undefined;
    if (before === undefined) throw error as Error; // Fastify goes on to the handler of the plugin
    return before.call(this, error, request, reply);
  };
}

/** The handler of a route, which also tells what it fails with when it has taken its reply over: Fastify then only logs it. */
function telling(handler: FastifyHandler): FastifyHandler {
  return function (this: unknown, request: never, reply: never): unknown {
    const tell = (error: unknown): void => {
      if ((reply as FastifyReplyLike).sent) lifeOf(request)?.breakOff(error);
    };
    try {
      const result = handler.call(this, request, reply);
      if (result instanceof Promise) result.catch(tell);
      return result;
    } catch (error) {
      tell(error);
      throw error;
    }
  };
}

/** Answers for a handler that has taken the reply over, and does nothing with it. */
function answerHijacked(request: FastifyRequestLike, reply: FastifyReplyLike, problem: HttpProblem): void {
  const response = reply.raw as OutgoingResponse;
  if (response.writableEnded) return;
  writeProblem(request.raw as IncomingRequest, response, problem);
  makeDeaf(response);
}

function writeHead(reply: FastifyReplyLike, { status, headers }: HttpProblem): FastifyReplyLike {
  for (const name of headersOfAnother) reply.removeHeader(name);
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  return reply.code(status);
}
