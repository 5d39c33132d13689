import { type ContextKey } from '@holdfast/core';
import { describe, expect, expectTypeOf, it } from 'vitest';

import { defineContextSchema } from './context-schema.ts';

describe('a context schema', () => {
  it('has a key for each field, of its type', () => {
    const schema = defineContextSchema({
      version: '2.3',
      fields: {
        'user-id': { type: 'text' },
        attempt: { type: 'integer' },
        'is-test': { type: 'boolean' },
        region: { type: 'choice', choices: ['eu', 'us'] },
      },
    });

    expect(Object.keys(schema.keys)).toEqual(['user-id', 'attempt', 'is-test', 'region']);
    expectTypeOf(schema.keys['user-id']).toEqualTypeOf<ContextKey<string>>();
    expectTypeOf(schema.keys.attempt).toEqualTypeOf<ContextKey<number>>();
    expectTypeOf(schema.keys['is-test']).toEqualTypeOf<ContextKey<boolean>>();
    expectTypeOf(schema.keys.region).toEqualTypeOf<ContextKey<'eu' | 'us'>>();
    expect([schema, schema.fields, schema.keys, schema.fields.region].every(Object.isFrozen)).toBe(true);
  });

  it('is plain JSON but for its keys, and keeps nothing of what it was made of', () => {
    const definition = { version: '1.0', fields: { a: { type: 'choice' as const, choices: ['x'] } } };
    const schema = defineContextSchema(JSON.parse(JSON.stringify(definition)) as typeof definition);
    const kept = defineContextSchema(definition);
    definition.fields.a.choices.push('y');

    expect(JSON.parse(JSON.stringify({ ...schema, keys: undefined }))).toEqual({
      version: '1.0',
      fields: { a: { type: 'choice', choices: ['x'] } },
    });
    expect(kept.fields.a.choices).toEqual(['x']);
  });

  it.each<[message: string, definition: unknown]>([
    ['schema must be an object of options', undefined],
    ['schema.version must be a version such as "2.3"', { version: '2', fields: {} }],
    ['schema.version must be a version such as "2.3"', { version: 2.3, fields: {} }],
    ['schema.fields must be an object of fields', { version: '1.0' }],
    ['schema.fields must be an object of fields', { version: '1.0', fields: null }],
    ['the name of a field must be lower-case words', { version: '1.0', fields: { userId: { type: 'text' } } }],
    ['the name of a field must be lower-case words', { version: '1.0', fields: { user_id: { type: 'text' } } }],
    ['the name of a field must be lower-case words', { version: '1.0', fields: { '': { type: 'text' } } }],
    ['the name of a field must be lower-case words', { version: '1.0', fields: { 'a-': { type: 'text' } } }],
    ['but none of deadline, cancel', { version: '1.0', fields: { deadline: { type: 'text' } } }],
    [
      'schema.fields.b.tag must be another than that of a',
      { version: '1.0', fields: { a: { type: 'text', tag: 'x' }, b: { type: 'text', tag: 'x' } } },
    ],
    [
      'schema.fields.b.tag must be another than that of x',
      { version: '1.0', fields: { x: { type: 'text' }, b: { type: 'text', tag: 'x' } } },
    ],
    ['schema has no option "name"', { version: '1.0', fields: {}, name: 'shop' }],
  ])('%s: %j', (message, definition) => {
    expect(() => defineContextSchema(definition as never)).toThrow(message);
  });
});
