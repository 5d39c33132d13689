/**
 * Holdfast for `node:http`, `node:https` and `node:http2`: every request has its context, and what fails is answered.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';

import type { Context } from '@holdfast/core';

import { type RequestContexts, requireRequests } from '../server/request-contexts.ts';
import type { RequestLife } from '../server/request-life.ts';

/** What answers a request. It may return a promise; what it throws or rejects with is answered. */
export type RequestHandler<Request = IncomingMessage, Response = ServerResponse> = (
  context: Context,
  request: Request,
  response: Response,
) => unknown;

/** What answers an upgrade, as of a web socket. */
export type UpgradeHandler = (context: Context, request: IncomingMessage, socket: Duplex, head: Buffer) => unknown;

/**
 * Makes a listener for the `request` event, `createServer(handleRequests(requests, handler))`. The handler is given the context of
 * its request. What it throws is answered: our errors as the table of problems says, all others with 500 and nothing about them.
 *
 * @throws TypeError when `requests` are none, or `handler` is no function.
 */
export function handleRequests(
  requests: RequestContexts,
  handler: RequestHandler,
): (request: IncomingMessage, response: ServerResponse) => void;
export function handleRequests(
  requests: RequestContexts,
  handler: RequestHandler<Http2ServerRequest, Http2ServerResponse>,
): (request: Http2ServerRequest, response: Http2ServerResponse) => void;
export function handleRequests(
  requests: RequestContexts,
  handler: RequestHandler<never, never>,
): (request: never, response: never) => void {
  requireRequests('handleRequests', requests);
  requireHandler('handleRequests', handler);
  return (request: never, response: never): void => {
    const life = requests.begin(request, response);
    run(life, () => handler(life.context, request, response));
  };
}

/**
 * Makes a listener for the `upgrade` event, `server.on('upgrade', handleUpgrades(requests, handler))`. The context has no deadline but
 * what the request brings; it ends when the socket closes, or the server does.
 *
 * @throws TypeError when `requests` are none, or `handler` is no function.
 */
export function handleUpgrades(
  requests: RequestContexts,
  handler: UpgradeHandler,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  requireRequests('handleUpgrades', requests);
  requireHandler('handleUpgrades', handler);
  return (request, socket, head): void => {
    const life = requests.beginUpgrade(request, socket);
    run(life, () => handler(life.context, request, socket, head));
  };
}

// --- internal ---

function run(life: RequestLife, call: () => unknown): void {
  life.start(async () => {
    try {
      await call();
    } catch (error) {
      life.breakOff(error);
    }
  });
}

function requireHandler(place: string, handler: unknown): void {
  if (typeof handler !== 'function') throw new TypeError(`${place} needs a handler, got ${typeof handler}`);
}
