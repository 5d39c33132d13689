/**
 * OpenAPI: the table of routes as an OpenAPI 3.1 document.
 *
 * Source: OpenAPI Specification 3.1.1, 2024, https://spec.openapis.org/oas/v3.1.1.html. Deviation: none.
 *
 * @module
 */

import type { JsonSchema } from '@holdfast/core';

import { answerSchemas, refTo } from './answer-schemas.ts';
import type { Method, Route, RouteMethod } from './route.ts';

/** Returns the document of `routes`. */
export function openApiOf(routes: readonly Route[]): JsonSchema {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Holdfast admin API',
      version: '1',
      description: 'Shows circuits, features and policies of one process, and changes them for a limited time.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: Object.fromEntries(routes.map((route) => [route.path, pathItem(route)])),
    components: {
      schemas: answerSchemas,
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token says the role: viewer, operator, break-glass.',
        },
      },
      responses: Object.fromEntries(Object.entries(REFUSALS).map(([status, when]) => [status, refusal(when)])),
    },
  };
}

// --- internal ---

/** What every status means here. */
const REFUSALS: Readonly<Record<string, string>> = {
  400: 'It cannot be understood, or a field is missing, unknown or out of range.',
  401: 'The token is missing or wrong.',
  403: 'The role of the token may not do that, or the request comes from a page of another origin.',
  404: 'There is no such thing.',
  405: 'The path knows other methods.',
  408: 'The body did not arrive in time.',
  409: 'It cannot be done now: something changed since, or is as it would be already.',
  413: 'The body is too large.',
  415: 'The body is not application/json in UTF-8, or is compressed.',
  421: 'The request came from another machine, or under a name that is not a loopback one.',
  429: 'Too many requests; see Retry-After.',
  503: 'Too many clients watch, what was to be changed is closed, or the store of the fleet cannot be reached.',
  504: 'The store of the fleet did not answer in time.',
};

const ALWAYS = [400, 401, 403, 421, 429];
const WITH_BODY = [408, 413, 415];

function pathItem({ path, about, methods }: Route): object {
  const [parameter] = /(?<=\{)\w+(?=\})/.exec(path) ?? [];
  const operations = Object.entries(methods) as [Method, RouteMethod][];
  return {
    summary: about,
    ...(parameter !== undefined && { parameters: [inPath(parameter)] }),
    ...Object.fromEntries(operations.map(([method, operation]) => [method.toLowerCase(), operationOf(operation)])),
  };
}

function inPath(name: string): object {
  return {
    name,
    in: 'path',
    required: true,
    description: 'Percent-encoded.',
    schema: { type: 'string', minLength: 1 },
  };
}

function operationOf({ operationId, about, body, query = {}, ...rest }: RouteMethod): object {
  const statuses = [...ALWAYS, ...(body === undefined ? [] : WITH_BODY), ...(rest.refusals ?? [])].map(String);
  const parameters = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string', maxLength: 100 },
  }));
  return {
    operationId,
    summary: about,
    ...(rest.isChange === true && { 'x-roles': ['operator', 'break-glass'] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: body.schema } } },
    }),
    responses: {
      200: { description: about, content: { [rest.answerType ?? 'application/json']: { schema: rest.answer } } },
      ...Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${status}` }])),
    },
  };
}

function refusal(description: string): object {
  return { description, content: { 'application/problem+json': { schema: refTo('Problem') } } };
}
