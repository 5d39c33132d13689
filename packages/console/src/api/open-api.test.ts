import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import { answerSchemas } from './answer-schemas.ts';
import { openApiOf } from './open-api.ts';
import { routes } from './routes.ts';

type Document = {
  paths: Record<string, Record<string, { operationId?: string; responses?: Record<string, unknown> }>>;
};
const document = JSON.parse(JSON.stringify(openApiOf(routes))) as Document;

describe('OpenAPI document', () => {
  it('has every method of every route, each with an id of its own', () => {
    const there = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item)
        .filter((key) => !['summary', 'parameters'].includes(key))
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    const ids = routes.flatMap(({ methods }) => Object.values(methods).map(({ operationId }) => operationId));

    expect(there).toEqual(
      routes.flatMap(({ path, methods }) => Object.keys(methods).map((method) => `${method} ${path}`)),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('refers to nothing that it does not have', () => {
    for (const [, pointer = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = pointer.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document);
      expect([pointer, typeof target]).toEqual([pointer, 'object']);
    }
  });

  it('has schemas that a validator compiles', () => {
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema(document, 'api');

    for (const name of Object.keys(answerSchemas))
      expect(ajv.compile({ $ref: `api#/components/schemas/${name}` })).toBeTypeOf('function');
  });
});
