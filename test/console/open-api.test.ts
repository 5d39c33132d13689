/**
 * The OpenAPI document of the admin API: valid, and what the API answers is as it says.
 *
 * @module
 */

import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Shop, openShop, tokens } from './shop.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, unknown> }>>;
}

let shop: Shop;
let document: Document;
const ajv = new Ajv2020({ strict: false });

beforeAll(async () => {
  shop = await openShop({ service: 'shop' });
  document = (await ask('GET', '/openapi.json')).body as Document;
  ajv.addSchema(document, 'api');
  await shop.prices.execute(() => 1);
});
afterAll(() => shop.close());

async function ask(method: string, path: string, body?: object, token: string = tokens.operator) {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const response = await fetch(shop.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json() };
}

/** What is wrong with an answer by what the document says of it. */
function faultsOf(path: string, method: string, { status, body }: { status: number; body: unknown }): string {
  const pointer = ['paths', path, method.toLowerCase(), 'responses', String(status)];
  const where = `api#/${pointer.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;
  const type = status === 200 ? 'application~1json' : 'application~1problem+json';
  const schema = status === 200 ? `${where}/content/${type}/schema` : 'api#/components/schemas/Problem';
  const isDocumented = document.paths[path]?.[method.toLowerCase()]?.responses[String(status)] !== undefined;
  if (!isDocumented) return `${status} is not documented`;
  const validate = ajv.compile({ $ref: schema });
  return validate(body) ? '' : ajv.errorsText(validate.errors);
}

const author = { actor: 'alice', reason: 'INC-4711' };
const policy = '/policies/circuit-breaker%2Fprices';

describe('the OpenAPI document', () => {
  it('is valid, by a validator that is not ours', async () => {
    const result = await new Validator().validate(JSON.parse(JSON.stringify(document)) as object);

    expect([result.errors ?? [], document.openapi]).toEqual([[], '3.1.1']);
    expect(result.valid).toBe(true);
  });

  it.each<[string, string, string, object?]>([
    ['GET', '/', '/'],
    ['GET', '/circuits', '/circuits'],
    ['GET', '/circuits/{name}', '/circuits/prices'],
    ['PUT', '/circuits/{name}/hold', '/circuits/prices/hold', { state: 'open', ...author, expiresInMs: 60_000 }],
    ['GET', '/circuits', '/circuits'],
    ['DELETE', '/circuits/{name}/hold', '/circuits/prices/hold', author],
    ['GET', '/features', '/features'],
    ['GET', '/features/{name}', '/features/checkout'],
    ['PUT', '/features/{name}', '/features/checkout', { mode: 'deferred', ...author, expiresInMs: 60_000 }],
    ['GET', '/features', '/features'],
    ['DELETE', '/features/{name}', '/features/checkout', author],
    ['GET', '/features/{name}/explanation', '/features/checkout/explanation'],
    ['POST', '/features/{name}/explanation', '/features/checkout/explanation', { key: 'ada' }],
    ['GET', '/brownout', '/brownout'],
    ['GET', '/pipelines', '/pipelines'],
    ['GET', '/pipelines/{name}', '/pipelines/prices'],
    ['GET', '/policies', '/policies'],
    ['GET', '/policies/{id}', policy],
    ['POST', '/policies/{id}/difference', `${policy}/difference`, { changes: { openForMs: 5 } }],
    ['PATCH', '/policies/{id}', policy, { changes: { openForMs: 5 }, ...author }],
    ['GET', '/audit', '/audit'],
    ['POST', '/actions/{id}/undo', '/actions/5/undo', author],
    ['GET', '/history', '/history'],
    ['GET', '/openapi.json', '/openapi.json'],
  ])('says what is answered to %s %s', async (...[method, path, target, body]) => {
    const answer = await ask(method, target, body);

    expect([answer.status, faultsOf(path, method, answer)]).toEqual([200, '']);
  });

  it.each<[string, string, string, number, object?, string?]>([
    ['GET', '/circuits/{name}', '/circuits/nothing', 404],
    ['PUT', '/circuits/{name}/hold', '/circuits/prices/hold', 400, {}],
    ['PUT', '/circuits/{name}/hold', '/circuits/prices/hold', 403, {}, tokens.viewer],
    ['PUT', '/features/{name}', '/features/checkout', 401, {}, 'a-token-that-is-wrong'],
    ['DELETE', '/circuits/{name}/hold', '/circuits/prices/hold', 409, author],
    ['PUT', '/features/{name}', '/features/checkout', 409, { mode: 'full', ...author, expiresInMs: 1, ifRevision: 99 }],
  ])('says what is refused of %s %s', async (...[method, path, target, status, body, token]) => {
    const answer = await ask(method, target, body, token);

    expect([answer.status, faultsOf(path, method, answer)]).toEqual([status, '']);
  });

  it('has the roles of what changes something, and of nothing else', () => {
    const changing = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([, operation]) => Object.hasOwn(operation, 'x-roles'))
        .map(([method]) => `${method} ${path}`),
    );

    expect(changing).toEqual([
      'put /circuits/{name}/hold',
      'delete /circuits/{name}/hold',
      'put /features/{name}',
      'delete /features/{name}',
      'patch /policies/{id}',
      'post /actions/{id}/undo',
    ]);
  });
});
