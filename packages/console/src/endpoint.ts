/**
 * Endpoint: lets a request in, finds its route and answers it.
 *
 *   arrives ─► local? ─► token? ─► path? ─► method? ─► query? ─► role? ─► route ─► 200
 *                │         │        │         │          │         │        │
 *               421       401      404       405        400       403    400, 403, 404, 408, 409, 413, 415
 *
 * Invariants
 *  (1) Nothing is shown, read or changed without a token, and nothing is changed with that of a viewer.
 *  (2) Unless it is open to others, only this machine is answered, under a loopback name: a page that made its own name
 *      point here gets nothing.
 *  (3) No request leads to an error of ours, to a thrown exception or to an unhandled rejection.
 *  (4) A refused request has changed nothing.
 *  (5) Who is refused for the token or the role is told of on the registry's events, without the token.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

import { type Clock, isResilienceError, type PolicyEvent } from '@holdfast/core';

import type { Role } from '@holdfast/degradation';

import type { RoleCheck } from './bearer-token.ts';
import { isLoopbackAuthority, isLoopbackPeer } from './loopback.ts';
import { Problem } from './problem.ts';
import { ClientGone, readJsonObject } from './request-body.ts';
import { type Answer, send } from './response.ts';
import { type RouteHandler, type Subject, allowedMethods, findRoute } from './routes.ts';

/** What an endpoint needs. */
export interface EndpointParts extends Subject {
  readonly roleOf: RoleCheck;
  readonly allowRemote: boolean;
  readonly bodyTimeoutMs: number;
  readonly clock: Clock;
}

/** Answers a request, now or later. Never throws. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** The endpoint failed by itself; the client was answered 500. */
export interface AdminFailedEvent extends PolicyEvent {
  readonly type: 'admin.failed';
  readonly policy: 'admin';
  readonly name: 'admin';
  readonly error: unknown;
}

/** Somebody was refused: for no token, or a wrong one, or a role that may not do that. Nothing was changed. */
export interface AdminDeniedEvent extends PolicyEvent {
  readonly type: 'admin.denied';
  readonly policy: 'admin';
  readonly name: 'admin';
  readonly status: 401 | 403;
  readonly method: string;
  /** The path that was asked for, at most 200 characters. */
  readonly path: string;
  /** Undefined without a right token. */
  readonly role: Role | undefined;
}

/** Makes the handler of an endpoint. */
export function endpoint(parts: EndpointParts): RequestHandler {
  return (request, response) => {
    void answer(parts, request)
      .then((body) => send(response, { status: 200, body }, parts.clock))
      .catch((error: unknown) => refuse(parts, response, error)); // (3)
  };
}

// --- internal ---

async function answer(parts: EndpointParts, request: IncomingMessage): Promise<unknown> {
  checkOrigin(parts, request);
  const role = parts.roleOf(request.headers.authorization);
  try {
    return await answerAs(parts, request, role);
  } catch (error) {
    tellDenied(parts, request, { role, status: statusOf(error) }); // (5)
    throw error;
  }
}

async function answerAs(parts: EndpointParts, request: IncomingMessage, role: Role | undefined): Promise<unknown> {
  if (role === undefined) throw unauthorized(request); // (1)
  const [path = '', query = ''] = (request.url ?? '').split(/\?(.*)/s);
  const { handler, name, isChange } = route(request.method ?? '', path);
  if (query !== '') throw new Problem(400, `${path} takes no query`, { code: 'UNKNOWN_QUERY' });
  if (isChange && role === 'viewer') throw forbidden('a viewer changes nothing'); // (1)
  const { registry, degradation, brownout, clock, bodyTimeoutMs: timeoutMs } = parts;
  const readBody = () => readJsonObject(request, { clock, timeoutMs });
  return handler({ registry, degradation, brownout, name, role, readBody });
}

function checkOrigin({ allowRemote }: EndpointParts, { headers, socket }: IncomingMessage): void {
  if (allowRemote || (isLoopbackPeer(socket) && isLoopbackAuthority(headers.host))) return;
  throw new Problem(421, 'only this machine is answered, under a loopback name such as 127.0.0.1', {
    code: 'NOT_LOCAL',
  });
}

function unauthorized({ headers }: IncomingMessage): Problem {
  const isMissing = headers.authorization === undefined;
  return new Problem(
    401,
    isMissing ? 'the request must carry "Authorization: Bearer <token>"' : 'the token is not the right one',
    { code: 'UNAUTHORIZED' },
    { 'WWW-Authenticate': `Bearer realm="holdfast"${isMissing ? '' : ', error="invalid_token"'}` },
  );
}

function forbidden(detail: string): Problem {
  const headers = { 'WWW-Authenticate': 'Bearer realm="holdfast", error="insufficient_scope"' };
  return new Problem(403, detail, { code: 'FORBIDDEN', field: 'role' }, headers);
}

interface Asked {
  readonly handler: RouteHandler;
  readonly name: string;
  /** Whether it changes something. */
  readonly isChange: boolean;
}

function route(method: string, path: string): Asked {
  const found = findRoute(path);
  if (found === undefined) {
    const detail = `there is no ${JSON.stringify(path.slice(0, 60))}; GET / lists what there is`;
    throw new Problem(404, detail, { code: 'NOT_FOUND' });
  }
  const { methods } = found.route;
  const asked = method === 'HEAD' ? 'GET' : method;
  const handler = Object.hasOwn(methods, asked) ? methods[asked as keyof typeof methods] : undefined;
  if (handler !== undefined) return { handler, name: found.name, isChange: asked === 'PUT' || asked === 'DELETE' };
  const allow = allowedMethods(found.route);
  throw new Problem(405, `${found.route.path} knows ${allow}`, { code: 'UNKNOWN_METHOD' }, { Allow: allow });
}

function refuse(parts: EndpointParts, response: ServerResponse, error: unknown): void {
  if (error instanceof ClientGone) {
    response.destroy();
    return;
  }
  const problem = error instanceof Problem ? error : problemOf(parts, error);
  const { status, headers } = problem;
  const sent: Answer = { status, body: problem, type: 'application/problem+json', headers };
  send(response, sent, parts.clock);
}

/** The status that an error is answered with; 0 where that is not known yet. */
function statusOf(error: unknown): number {
  if (error instanceof Problem) return error.status;
  return isResilienceError(error) ? (STATUS_OF_CODE[error.code] ?? 0) : 0;
}

interface Denial {
  readonly role: Role | undefined;
  readonly status: number;
}

function tellDenied({ registry }: EndpointParts, { method = '', url = '' }: IncomingMessage, denial: Denial): void {
  const { role, status } = denial;
  if (!registry.events.active || (status !== 401 && status !== 403)) return;
  const path = url.slice(0, 200);
  const event: AdminDeniedEvent = { type: 'admin.denied', policy: 'admin', name: 'admin', status, method, path, role };
  registry.events.emit(event);
}

/** What the features refused is the client's problem; anything else is ours, and is told where it can be seen. */
function problemOf({ registry }: EndpointParts, error: unknown): Problem {
  const status = isResilienceError(error) ? STATUS_OF_CODE[error.code] : undefined;
  if (isResilienceError(error) && status !== undefined) {
    const { code, message, field, revision } = error as typeof error & { field?: string; revision?: number };
    return new Problem(status, message, { code, field, revision });
  }
  const event: AdminFailedEvent = { type: 'admin.failed', policy: 'admin', name: 'admin', error };
  registry.events.emit(event);
  return new Problem(500, 'the admin endpoint failed; the service has been told', { code: 'INTERNAL' });
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = Object.freeze({
  UNKNOWN_FEATURE: 404,
  UNKNOWN_MODE: 400,
  INVALID_CHANGE: 400,
  FORBIDDEN: 403,
  STALE_REVISION: 409,
  TOO_MANY_OVERRIDES: 409,
  CLOSED: 503,
});
