/**
 * Route: one path of the API, with everything there is to say about it: who may, what it takes, what it answers.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

import type { JsonSchema } from '@holdfast/core';
import type { Role } from '@holdfast/degradation';

import type { Subject } from '../subject.ts';

/** A request that was let in. */
export interface RouteCall extends Subject {
  /** What stands for `{name}` or `{id}` in the path; empty where nothing does. */
  readonly name: string;
  /** What whoever asks may do, by the token. */
  readonly role: Role;
  /** The query, as far as the route takes one. */
  readonly query: Readonly<Record<string, string>>;
  readonly request: IncomingMessage;
  /** Reads the body, which is as the route's schema says. */
  readonly readBody: () => Promise<Readonly<Record<string, unknown>>>;
}

/** Answers one method of one path: with the body of a 200, a {@link LiveAnswer}, or by throwing what was wrong. */
type RouteHandler = (call: RouteCall) => unknown;

/** An answer that goes on: what is given the response, headers included. */
export class LiveAnswer {
  readonly open: (response: ServerResponse) => void;

  constructor(open: (response: ServerResponse) => void) {
    this.open = open;
  }
}

/** A body that a method takes. */
export interface BodyRule {
  readonly schema: JsonSchema;
  /** The code of the problem where the body is not what the schema says. */
  readonly code: string;
}

/** One method of a path. */
export interface RouteMethod {
  /** Names it in the OpenAPI document. */
  readonly operationId: string;
  readonly about: string;
  readonly handler: RouteHandler;
  /** Whether it changes something: a viewer may not. */
  readonly isChange?: boolean;
  readonly body?: BodyRule;
  /** Names and meanings of what the query may hold. */
  readonly query?: Readonly<Record<string, string>>;
  /** The schema of a 200. */
  readonly answer: JsonSchema;
  readonly answerType?: 'text/event-stream';
  /** Statuses beside those that every method may answer. */
  readonly refusals?: readonly number[];
}

/** Methods that routes know; HEAD goes where GET does. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';

/** One path. */
export interface Route {
  /** `/features/{name}/explanation`: literal, but for one segment. */
  readonly path: string;
  readonly about: string;
  readonly methods: Readonly<Partial<Record<Method, RouteMethod>>>;
}

/** The methods of a route, as an Allow header lists them. */
export function allowedMethods({ methods }: Route): string {
  return Object.keys(methods)
    .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    .join(', ');
}
