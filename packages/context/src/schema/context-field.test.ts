import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkField, type ContextField, textOfField, valueOfField } from './context-field.ts';

const fields: Readonly<Record<string, ContextField>> = {
  text: { type: 'text' },
  integer: { type: 'integer' },
  boolean: { type: 'boolean' },
  choice: { type: 'choice', choices: ['eu', 'us', 'déjà vu'] },
};
const values = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constantFrom('eu', 'déjà vu'),
  fc.anything(),
);

describe('a context field', { timeout: 60_000 }, () => {
  it.each(Object.entries(fields))('(1): %s reads what it has written', (_name, field) => {
    fc.assert(
      fc.property(values, (value) => {
        const text = textOfField(field, value);
        if (text !== undefined) expect(valueOfField(field, text)).toEqual(value === 0 ? 0 : value);
      }),
    );
  });

  it.each([
    ['text', [5, '\n', '\ud800', null], ['a b', '%0d', 'é']],
    [
      'integer',
      [1.5, NaN, Infinity, 2 ** 53, '5', 5n],
      ['', '1.5', '05', '+5', '-0', '1e3', '9007199254740992', '12345678901234567'],
    ],
    ['boolean', [0, 'true', null], ['', 'yes', 'TRUE', '2']],
    ['choice', ['asia', 0, undefined], ['', 'asia', 'EU', 'toString']],
  ])('(2): %s has no value that is not of its type', (name, wrong, texts) => {
    const field = fields[name] as ContextField;

    for (const value of wrong) expect(textOfField(field, value)).toBeUndefined();
    for (const text of texts) expect(valueOfField(field, text)).toBeUndefined();
  });

  it('is known by what it says', () => {
    expect(valueOfField({ type: 'boolean' }, 'true')).toBe(true);
    expect(valueOfField({ type: 'integer' }, '-42')).toBe(-42);
    expect(Object.isFrozen(checkField('schema.fields.a', { type: 'choice', choices: ['a'] }).choices)).toBe(true);
  });

  it.each<[message: string, field: unknown]>([
    ['must be an object of options', null],
    ['f.type must be one of', {}],
    ['f.type must be one of', { type: 'uuid' }],
    ['f.choices must be an array of different', { type: 'choice' }],
    ['f.choices must be an array of different', { type: 'choice', choices: [] }],
    ['f.choices must be an array of different', { type: 'choice', choices: ['a', 'a'] }],
    ['f.choices must be an array of different', { type: 'choice', choices: ['a\n'] }],
    ['f.choices must be absent', { type: 'text', choices: ['a'] }],
    ['f.maxBytes must be an integer from 1 to 4096', { type: 'text', maxBytes: 0 }],
    ['f.maxBytes must be an integer from 1 to 4096', { type: 'text', maxBytes: Infinity }],
    ['f.tag must be', { type: 'text', tag: 't' }],
    ['f.tag must be', { type: 'text', tag: 'long' }],
    ['f.required must be one of', { type: 'text', required: 1 }],
    ['f.description must be a string', { type: 'text', description: 5 }],
    ['has no option "maxByte"', { type: 'text', maxByte: 5 }],
  ])('%s: %j is refused', (message, field) => {
    expect(() => checkField('f', field as never)).toThrow(message);
  });
});
