import { describe, expect, it } from 'vitest';

import { refuseControl, statementOf } from './statement.ts';

/** A statement as libraries of tagged templates make them. */
class Tagged {
  readonly strings = ['select ', ''];
  readonly values = [7];

  get text(): string {
    return this.strings.join('$1');
  }

  get name(): string {
    return 'seven';
  }
}

describe('statementOf', () => {
  it('takes a text, an object, or an object of a class', () => {
    expect(statementOf('select 1')).toEqual({ text: 'select 1' });
    expect(statementOf('select $1', [1])).toEqual({ text: 'select $1', values: [1] });
    expect(statementOf({ text: 'select $1', values: [1], rowMode: 'array' })).toMatchObject({ rowMode: 'array' });
    expect(statementOf({ text: 'select $1', values: [1] }, [2])).toEqual({ text: 'select $1', values: [2] });
    expect(statementOf(new Tagged())).toMatchObject({ text: 'select $1', values: [7], name: 'seven' });
  });

  it('copies the values, wherever they come from', () => {
    const values = [1];
    const statements = [statementOf('select $1', values), statementOf({ text: 'select $1', values })];
    values[0] = 2;

    expect(statements.map((statement) => statement.values)).toEqual([[1], [1]]);
  });

  it.each([7, 'one', new Set([1])])('refuses values that are no array: %o', (values) => {
    expect(() => statementOf('select $1', values as never)).toThrow('values of a statement come in an array');
    expect(() => statementOf({ text: 'select $1', values: values as never })).toThrow('come in an array');
  });

  it('does not change what it is given', () => {
    const given = Object.freeze({ text: 'select $1', values: Object.freeze([1]) });

    expect(statementOf(given, [2])).not.toBe(given);
    expect(given.values).toEqual([1]);
  });

  it.each([undefined, null, 7, {}, { text: 7 }])('refuses %j', (wrong) => {
    expect(() => statementOf(wrong as never)).toThrow(
      new TypeError('a statement is a string, or an object with a text'),
    );
  });
});

it('refuseControl refuses what a transaction does itself', () => {
  for (const text of ['commit', 'ROLLBACK', 'begin', 'savepoint a', 'release a', 'rollback to a'])
    expect(() => refuseControl({ text })).toThrow(TypeError);
  expect(() => refuseControl({ text: 'select 1' })).not.toThrow();
});
