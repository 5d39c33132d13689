import { Context, onHookError } from '@holdfast/core';
import { describe, expect, expectTypeOf, it } from 'vitest';

import { defineContextSchema } from './context-schema.ts';
import { ContextValueError, createValueGuard } from './value-guard.ts';

const schema = defineContextSchema({
  version: '1.0',
  fields: {
    'user-id': { type: 'text', maxBytes: 8 },
    region: { type: 'choice', choices: ['eu', 'us'] },
    attempt: { type: 'integer' },
  },
});
const root = Context.background;

describe('a value guard', () => {
  it('sets values, by their types', () => {
    const guard = createValueGuard({ schema });
    const context = guard.withValues(root, { 'user-id': 'ada', region: 'eu', attempt: 2 });

    expect([context.value(schema.keys['user-id']), context.value(schema.keys.attempt)]).toEqual(['ada', 2]);
    expect(guard.sizeOf(context)).toBe('user-id'.length + 3 + 'region'.length + 2 + 'attempt'.length + 1);
    expect(guard.withValues(context, { region: undefined }).value(schema.keys.region)).toBeUndefined();
    expect(guard.refusedCount).toBe(0);
    expectTypeOf<Parameters<(typeof guard)['withValues']>[1]>().toEqualTypeOf<{
      readonly 'user-id'?: string | undefined;
      readonly region?: 'eu' | 'us' | undefined;
      readonly attempt?: number | undefined;
    }>();
  });

  it.each<[values: object, reason: string, field: string | undefined, sizeBytes: number | undefined]>([
    [{ 'user-id': 'x'.repeat(9) }, 'too-large', 'user-id', 9],
    [{ 'user-id': 'é é' }, 'too-large', 'user-id', 15],
    [{ 'user-id': 'a\nb' }, 'malformed', 'user-id', undefined],
    [{ 'user-id': { name: 'ada' } }, 'malformed', 'user-id', undefined],
    [{ region: 'moon' }, 'malformed', 'region', undefined],
    [{ attempt: 0.5 }, 'malformed', 'attempt', undefined],
    [{ 'user-id': 'ada', region: 'eu', attempt: 1 }, 'too-large', undefined, 26],
  ])('(1): refuses %j: it is %s', (values, reason, field, sizeBytes) => {
    const guard = createValueGuard({ schema, maxBytes: 25 });

    expect(() => guard.withValues(root, values)).toThrow(expect.objectContaining({ reason, field, sizeBytes }));
    expect(() => guard.withValues(root, values)).toThrow(ContextValueError);
    expect(guard.refusedCount).toBe(2);
  });

  it('(1): does not refuse to take away of what is too large already', () => {
    const guard = createValueGuard({ schema, maxBytes: 12 });
    const large = root.withValue(schema.keys['user-id'], 'ada').withValue(schema.keys.attempt, 2000);

    const smaller = guard.withValues(large, { region: undefined });
    expect([guard.sizeOf(smaller), guard.refusedCount]).toEqual([21, 0]);
    expect(guard.sizeOf(guard.withValues(smaller, { attempt: undefined }))).toBe(10);
    expect(() => guard.withValues(large, { attempt: 1, region: undefined })).toThrow(ContextValueError);
  });

  it('says what to do', () => {
    const guard = createValueGuard({ schema, maxBytes: 0 });

    expect(() => guard.withValues(root, { attempt: 1 })).toThrow(
      'the values of a context may have 0 bytes, got 8; put data in a store, and its reference in the context',
    );
    expect(() => guard.withValues(root, { attempt: '1' as never })).toThrow('the value of attempt is not of the type');
    expect(() => guard.withValues(root, { userid: 'ada' } as object)).toThrow(
      new TypeError('the schema has no field "userid"; it has user-id, region, attempt'),
    );
    expect(() => guard.withValues(root, { constructor: 1 } as object)).toThrow(TypeError);
  });

  it('(2): only observes, or does nothing, where that is wished', () => {
    const refusals: unknown[] = [];
    const observing = createValueGuard({
      schema,
      enforcement: 'observe',
      onRefusal: ({ field, code }) => refusals.push([field, code]),
    });
    const off = createValueGuard({ schema, maxBytes: 0, enforcement: 'off', onRefusal: () => refusals.push('off') });
    const large = { 'user-id': 'x'.repeat(600) };

    expect(observing.withValues(root, large).value(schema.keys['user-id'])).toHaveLength(600);
    expect(refusals).toEqual([['user-id', 'CONTEXT_VALUE_REFUSED'], [undefined, 'CONTEXT_VALUE_REFUSED']]); // prettier-ignore
    expect(observing.refusedCount).toBe(2);
    expect(off.withValues(root, large).value(schema.keys['user-id'])).toHaveLength(600);
    expect([off.refusedCount, refusals.length]).toEqual([0, 2]);
    expect(() => observing.withValues(root, { other: 1 } as object)).toThrow(TypeError);
  });

  it('(2): is not disturbed by a hook that throws or rejects', async () => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook, cause }) => reported.push(hook, cause));
    const hooks = [() => { throw 'sync'; }, async () => { throw 'async'; }]; // prettier-ignore
    for (const onRefusal of hooks) {
      const guard = createValueGuard({ schema, enforcement: 'observe', onRefusal });
      expect(guard.withValues(root, { attempt: 0.5 }).value(schema.keys.attempt)).toBe(0.5);
    }
    await Promise.resolve();
    onHookError(before);

    expect(reported).toEqual(['onRefusal', 'sync', 'onRefusal', 'async']);
  });

  it.each<[message: string, options: object]>([
    ['guard.schema must be what defineContextSchema returns', {}],
    ['guard.schema must be what defineContextSchema returns', { schema: null }],
    ['guard.maxBytes must be an integer from 0 to 8192', { schema, maxBytes: Infinity }],
    ['guard.enforcement must be one of', { schema, enforcement: 'warn' }],
    ['guard.onRefusal must be a function', { schema, onRefusal: 5 }],
    ['guard has no option "max"', { schema, max: 5 }],
  ])('%s: %j', (message, options) => {
    expect(() => createValueGuard(options as never)).toThrow(message);
  });
});
