/**
 * Endpoint: lets a request in, finds its route and answers it.
 *
 *   arrives ─► local? ─► page? ─► rate? ─► token? ─► path? ─► method? ─► query? ─► role? ─► route ─► 200
 *                │         │        │         │        │         │          │         │        │
 *               421       403      429       401      404       405        400       403    400, 403, 404, 408, 409, 413, 415
 *                                   └─ for a file of the page? ─► the file, whoever asks
 *
 * Invariants
 *  (1) Nothing of the service is shown, read or changed without a token, and nothing is changed with that of a viewer.
 *  (2) Unless it is open to others, only this machine is answered, under a loopback name: a page that made its own name
 *      point here gets nothing.
 *  (3) No request leads to an error of ours, to a thrown exception or to an unhandled rejection.
 *  (4) A refused request has changed nothing; where nobody knows that, the refusal says so.
 *  (5) Who is refused for the token, the role or the page is told of on the registry's events, without the token.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

import { type Clock, isResilienceError, type PolicyEvent } from '@holdfast/core';

import type { Role } from '@holdfast/degradation';

import type { Action } from './actions/action-trail.ts';
import { findMismatch } from './api/body-check.ts';
import { Problem } from './api/problem.ts';
import { type BodyRule, LiveAnswer, type RouteMethod, allowedMethods } from './api/route.ts';
import { findRoute } from './api/routes.ts';
import type { RoleCheck } from './bearer-token.ts';
import { tellFailure } from './failure.ts';
import { isLoopbackAuthority, isLoopbackPeer } from './loopback.ts';
import { type PageAnswer, isForPage, isNavigation, pageAnswer } from './page-files.ts';
import { isOfAnotherPage } from './page-origin.ts';
import { ClientGone, readJsonObject } from './request-body.ts';
import type { RequestRate } from './request-rate.ts';
import { type Answer, STREAM_HEADERS, send, sendFile } from './response.ts';
import type { Subject } from './subject.ts';

/** What an endpoint needs. */
export interface EndpointParts extends Subject {
  readonly rate: RequestRate;
  readonly roleOf: RoleCheck;
  readonly allowRemote: boolean;
  readonly bodyTimeoutMs: number;
  readonly clock: Clock;
}

/** Answers a request, now or later. Never throws. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Something was done through the API, as its audit shows it: for a log that outlives the process. */
export interface AdminActedEvent extends PolicyEvent {
  readonly type: 'admin.acted';
  readonly policy: 'admin';
  readonly name: 'admin';
  readonly action: Action;
}

/** Somebody was refused: for no token, a wrong one, a role that may not do that, or the page that asks. Nothing was changed. */
export interface AdminDeniedEvent extends PolicyEvent {
  readonly type: 'admin.denied';
  readonly policy: 'admin';
  readonly name: 'admin';
  readonly status: 401 | 403;
  readonly method: string;
  /** The path that was asked for without its query, at most 200 characters. */
  readonly path: string;
  /** Undefined without a right token. */
  readonly role: Role | undefined;
}

/** Makes the handler of an endpoint. */
export function endpoint(parts: EndpointParts): RequestHandler {
  return (request, response) => {
    parts.live.start();
    const answering = isForPage(request)
      ? answerPage(parts, request).then((file) => sendFile(response, file))
      : answer(parts, request).then((body) => deliver(response, body, parts.clock));
    void answering.catch((error: unknown) => refuse(parts, response, error)); // (3)
  };
}

// --- internal ---

function deliver(response: ServerResponse, body: unknown, clock: Clock): void {
  if (!(body instanceof LiveAnswer)) send(response, { status: 200, body }, clock);
  else if (response.req.method === 'HEAD') response.writeHead(200, STREAM_HEADERS).end();
  else body.open(response);
}

/** A file of the page, for whoever may come here at all; links on pages of others may lead to it. */
async function answerPage(parts: EndpointParts, request: IncomingMessage): Promise<PageAnswer> {
  checkOrigin(parts, request);
  if (isOfAnotherPage(request.headers) && !isNavigation(request)) throw ofAnotherPage();
  parts.rate(undefined);
  return pageAnswer(request);
}

async function answer(parts: EndpointParts, request: IncomingMessage): Promise<unknown> {
  checkOrigin(parts, request);
  const role = parts.roleOf(request.headers.authorization);
  try {
    if (isOfAnotherPage(request.headers)) throw ofAnotherPage();
    parts.rate(role);
    return await answerAs(parts, request, role);
  } catch (error) {
    tellDenied(parts, request, { role, status: statusOf(error) }); // (5)
    throw error;
  }
}

async function answerAs(parts: EndpointParts, request: IncomingMessage, role: Role | undefined): Promise<unknown> {
  if (role === undefined) throw unauthorized(request); // (1)
  const [path = '', search = ''] = (request.url ?? '').split(/\?(.*)/s);
  const { method, name } = route(request.method ?? '', path);
  const query = readQuery(method, search, path);
  if (method.isChange === true && role === 'viewer') throw forbidden('a viewer changes nothing'); // (1)
  const { clock, bodyTimeoutMs: timeoutMs, ...subject } = parts;
  const readBody = async () => checked(method.body, await readJsonObject(request, { clock, timeoutMs }));
  return method.handler({ ...subject, name, role, query, request, readBody });
}

/** Returns the query as far as the method takes one. Throws a Problem for what it does not take. */
function readQuery({ query = {} }: RouteMethod, search: string, path: string): Readonly<Record<string, string>> {
  const given = [...new URLSearchParams(search)];
  const known = Object.keys(query);
  const isOther = given.some(([name, value]) => !known.includes(name) || value.length > MAX_QUERY_LENGTH);
  const may = known.length === 0 ? 'no query' : `only ${known.join(', ')}, of ${MAX_QUERY_LENGTH} characters at most`;
  if (isOther || (search !== '' && given.length === 0))
    throw new Problem(400, `${path.slice(0, 60)} takes ${may}`, { code: 'UNKNOWN_QUERY' });
  return Object.fromEntries(given);
}

const MAX_QUERY_LENGTH = 100;

/** Returns `body` if it is as the rule says. Throws a Problem where it is not. */
function checked(rule: BodyRule | undefined, body: Readonly<Record<string, unknown>>) {
  const found = rule && findMismatch(rule.schema, body);
  if (rule === undefined || found === undefined) return body;
  const why = found.field === 'role' ? ': the token says what it is' : '';
  throw new Problem(400, `${found.field || 'the body'} ${found.detail}${why}`, { code: rule.code, field: found.field });
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

function ofAnotherPage(): Problem {
  return new Problem(403, 'pages of another origin are not answered', { code: 'CROSS_ORIGIN' });
}

function forbidden(detail: string): Problem {
  const headers = { 'WWW-Authenticate': 'Bearer realm="holdfast", error="insufficient_scope"' };
  return new Problem(403, detail, { code: 'FORBIDDEN', field: 'role' }, headers);
}

function route(
  method: string,
  path: string,
): {
  readonly method: RouteMethod;
  readonly name: string;
} {
  const found = findRoute(path);
  if (found === undefined) {
    const detail = `there is no ${JSON.stringify(path.slice(0, 60))}; GET / lists what there is`;
    throw new Problem(404, detail, { code: 'NOT_FOUND' });
  }
  const { methods } = found.route;
  const asked = method === 'HEAD' ? 'GET' : method;
  const row = Object.hasOwn(methods, asked) ? methods[asked as keyof typeof methods] : undefined;
  if (row !== undefined) return { method: row, name: found.name };
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
  const path = (url.split('?')[0] ?? '').slice(0, 200); // (5): some put tokens into queries
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
  tellFailure(registry, error);
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
