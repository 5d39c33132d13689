import { describe, expect, it } from 'vitest';

import { beginText, checkTransaction, literal, statementLimit } from './begin-text.ts';

describe('beginText', () => {
  it.each([
    [{}, 'BEGIN'],
    [{ isolation: 'repeatable read' }, 'BEGIN ISOLATION LEVEL REPEATABLE READ'],
    [
      { isolation: 'serializable', readOnly: true, deferrable: true },
      'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE',
    ],
    [{ readOnly: false, deferrable: false }, 'BEGIN'],
    [{ settings: { 'app.tenant': "o'neill" } }, "BEGIN; SELECT set_config('app.tenant', 'o''neill', true)"],
  ] as const)('makes of %j one message: %s', (options, text) => {
    expect(beginText(options, Infinity)).toBe(text);
  });

  it('tells the server the deadline, a little later than it is', () => {
    expect(beginText({}, 800.2)).toContain("THEN '901' ELSE");
    expect(beginText({}, 0)).toContain("THEN '100' ELSE");
  });

  it('tells no deadline that the server cannot hold', () => {
    expect(statementLimit(2_147_483_547)).toBe(2_147_483_647);
    expect(statementLimit(2_147_483_548)).toBeUndefined();
    expect(beginText({}, 1e12)).toBe('BEGIN');
  });
});

it.each([
  ['a', "'a'"],
  ["a'; DROP TABLE x; --", "'a''; DROP TABLE x; --'"],
  ["back\\slash'", "E'back\\\\slash'''"],
])('literal quotes %s', (text, quoted) => {
  expect(literal(text)).toBe(quoted);
});

it('checkTransaction says what is wrong', () => {
  expect(() => checkTransaction({ isolation: 'read uncommitted' as never })).toThrow(
    'transaction.isolation must be one of',
  );
  expect(() => checkTransaction({ readOnly: 1 as never })).toThrow('transaction.readOnly must be one of true, false');
  expect(() => checkTransaction({ settings: { a: 1 as never } })).toThrow(
    'transaction.settings.a must be a string, got 1',
  );
  expect(() => checkTransaction({ readonly: true } as never)).toThrow('transaction has no option "readonly"');
  expect(checkTransaction({})).toEqual({});
});

it.each([[new Map([['app.tenant', 'acme']])], [['acme']], ['acme'], [null], [7]])(
  'checkTransaction refuses %o as settings',
  (settings) => {
    expect(() => checkTransaction({ settings: settings as never })).toThrow(
      'transaction.settings must be a plain object',
    );
  },
);

it('checkTransaction copies settings, of any plain object', () => {
  const settings = Object.assign(Object.create(null) as Record<string, string>, { 'app.tenant': 'acme' });
  const checked = checkTransaction({ settings });
  settings['app.tenant'] = 'other';

  expect(checked).toEqual({ settings: { 'app.tenant': 'acme' } });
});
