import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type ContextField, valueOfField, textOfField } from './context-field.ts';
import type { ContextFields } from './context-schema.ts';
import { compareContextSchemas } from './schema-comparison.ts';

const compare = (before: ContextFields, after: ContextFields, versions: [string, string] = ['2.3', '3.0']) =>
  compareContextSchemas({ version: versions[0], fields: before }, { version: versions[1], fields: after });
const text: ContextField = { type: 'text' };
const relied: ContextField = { type: 'text', required: true };
const choice = (choices: string[], required = false): ContextField => ({ type: 'choice', choices, required });

describe('schema comparison', { timeout: 60_000 }, () => {
  it.each<[what: string, before: ContextFields, after: ContextFields, verdict: string]>([
    ['an optional field is new', {}, { a: text }, 'compatible'],
    ['a required field is new', {}, { a: relied }, 'breaking'],
    ['an optional field is removed', { a: text }, {}, 'breaking'],
    ['a deprecated field is removed', { a: { ...text, deprecated: true } }, {}, 'compatible'],
    ['a required field is removed, deprecated or not', { a: { ...relied, deprecated: true } }, {}, 'breaking'],
    ['the type differs', { a: text }, { a: { type: 'integer' } }, 'breaking'],
    ['a choice is gone', { a: choice(['x', 'y']) }, { a: choice(['x']) }, 'breaking'],
    ['a choice is new', { a: choice(['x']) }, { a: choice(['x', 'y']) }, 'compatible'],
    ['a choice is new that is relied on', { a: choice(['x'], true) }, { a: choice(['x', 'y'], true) }, 'breaking'],
    ['the choices are in another order', { a: choice(['x', 'y']) }, { a: choice(['y', 'x']) }, 'same'],
    ['it may be shorter', { a: text }, { a: { ...text, maxBytes: 64 } }, 'breaking'],
    ['it may be longer', { a: text }, { a: { ...text, maxBytes: 256 } }, 'compatible'],
    ['it may be longer, and is relied on', { a: relied }, { a: { ...relied, maxBytes: 256 } }, 'breaking'],
    ['it says what is so by default', { a: text }, { a: { ...text, maxBytes: 128, required: false } }, 'same'],
    ['the tag differs', { a: { ...text, tag: 'x' } }, { a: text }, 'breaking'],
    ['it is required now', { a: text }, { a: relied }, 'breaking'],
    ['it is optional now', { a: relied }, { a: text }, 'breaking'],
    ['it is deprecated', { a: text }, { a: { ...text, deprecated: true } }, 'same'],
    ['it is described', { a: text }, { a: { ...text, description: 'who' } }, 'same'],
    ['fields are in another order', { a: text, b: text }, { b: text, a: text }, 'same'],
    ['a field is called as what every object has', { constructor: text }, {}, 'breaking'],
  ])('(1): where %s', (_what, before, after, verdict) => {
    expect(compare(before, after).verdict).toBe(verdict);
  });

  it('tells each change, and why it breaks', () => {
    const { changes } = compare({ a: text, b: choice(['x', 'y']) }, { b: choice(['y', 'z']), c: text });

    expect(changes).toEqual([
      { field: 'a', aspect: 'field', isBreaking: true, message: 'is removed: it was not marked as deprecated before' },
      {
        field: 'b',
        aspect: 'choices',
        isBreaking: true,
        message: 'has no x any more: what old services send is dropped',
      },
      { field: 'b', aspect: 'choices', isBreaking: false, message: 'has also z' },
      { field: 'c', aspect: 'field', isBreaking: false, message: 'is new' },
    ]);
  });

  it.each<[versions: [string, string], after: ContextFields, problem: string | undefined]>([
    [['2.3', '2.3'], { a: text }, undefined],
    [['2.3', '2.4'], { a: text }, undefined],
    [['2.3', '2.2'], { a: text }, '2.2 is lower than 2.3'],
    [['2.3', '1.9'], { a: text }, '1.9 is lower than 2.3'],
    [['2.3', '2.3'], { a: text, b: text }, 'a change needs 2.4, not 2.3'],
    [['2.9', '2.10'], { a: text, b: text }, undefined],
    [['2.3', '2.4'], {}, 'a breaking change needs 3.0, not 2.4'],
    [['2.3', '3.0'], {}, undefined],
    [['2.3', '2.3'], { a: { ...text, deprecated: true } }, undefined],
  ])('(3): of versions %j', (versions, after, problem) => {
    expect(compare({ a: text }, after, versions).versionProblem).toBe(problem);
  });

  const anyField = fc.oneof(
    fc.record({
      type: fc.constantFrom('text' as const, 'integer' as const, 'boolean' as const),
      required: fc.boolean(),
      deprecated: fc.boolean(),
      maxBytes: fc.constantFrom(1, 2, 5, 128),
    }),
    fc.record({
      type: fc.constant('choice' as const),
      choices: fc.subarray(['x', 'yy', '1', 'true'], { minLength: 1 }),
      required: fc.boolean(),
      maxBytes: fc.constantFrom(2, 5),
    }),
  );

  it('(2): a schema has no change against itself', () => {
    fc.assert(
      fc.property(anyField, (field) => {
        expect(compare({ a: field }, { a: field }, ['1.0', '1.0'])).toEqual({
          verdict: 'same',
          changes: [],
          versionProblem: undefined,
        });
      }),
    );
  });

  it('(1): where it is not breaking, a new service reads whatever an old one sends', () => {
    const values = fc.oneof(fc.constantFrom<unknown>('x', 'yy', '1', 'true', true, 1, 12345), fc.string());
    fc.assert(
      fc.property(anyField, anyField, values, (before, after, value) => {
        if (compare({ a: before }, { a: after }).verdict === 'breaking') return;
        const sent = textOfField(before, value);
        if (sent === undefined || sent.length > before.maxBytes) return;

        expect(valueOfField(after, sent)).toEqual(valueOfField(before, sent));
        expect(sent.length).toBeLessThanOrEqual(after.maxBytes);
      }),
      { numRuns: 2000 },
    );
  });
});
