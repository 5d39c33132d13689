import { describe, expect, it } from 'vitest';

import { enforcements } from './description.ts';
import {
  type OptionRule,
  anyFunction,
  checkOptions,
  either,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
  share,
  trueOrFalse,
} from './option-rules.ts';
import { ConfigError } from './options.ts';

interface Row {
  readonly rule: OptionRule;
  readonly expectation: string;
  readonly accepted: readonly unknown[];
  readonly refused: readonly unknown[];
  readonly schema: unknown;
}

const nothingElse = [undefined, null, Number.NaN, {}, [], Symbol('s')];

const rows: Readonly<Record<string, Row>> = {
  numberFrom: {
    rule: numberFrom(2, 5),
    expectation: 'a number from 2 to 5',
    accepted: [2, 3.5, 5],
    refused: [1.999, 5.001, '3', 3n, Infinity, -Infinity, [3], ...nothingElse],
    schema: { type: 'number', minimum: 2, maximum: 5 },
  },
  'numberFrom to Infinity': {
    rule: numberFrom(0, Infinity),
    expectation: 'a number from 0 to Infinity',
    accepted: [0, 1e308, Infinity],
    refused: [-1e-9, '0', ...nothingElse],
    schema: { type: 'number', minimum: 0 },
  },
  integerFrom: {
    rule: integerFrom(2, 5),
    expectation: 'an integer from 2 to 5',
    accepted: [2, 3, 5],
    refused: [1, 6, 2.5, '3', 3n, Infinity, [3], ...nothingElse],
    schema: { type: 'integer', minimum: 2, maximum: 5 },
  },
  share: {
    rule: share,
    expectation: 'a number above 0, up to 1',
    accepted: [Number.MIN_VALUE, 0.5, 1],
    refused: [0, -0.5, 1.001, '0.5', Infinity, [0.5], ...nothingElse],
    schema: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  },
  nonEmptyString: {
    rule: nonEmptyString,
    expectation: 'a non-empty string',
    accepted: ['a', ' '],
    refused: ['', 0, 7, true, ['a'], ...nothingElse],
    schema: { type: 'string', minLength: 1 },
  },
  trueOrFalse: {
    rule: trueOrFalse,
    expectation: 'true or false',
    accepted: [true, false],
    refused: [0, 1, 'true', '', ...nothingElse],
    schema: { type: 'boolean' },
  },
  anyFunction: {
    rule: anyFunction,
    expectation: 'a function',
    accepted: [() => {}, Map],
    refused: ['f', true, { call: () => {} }, ...nothingElse],
    schema: undefined,
  },
  oneOfStrings: {
    rule: oneOfStrings('enforce', 'off'),
    expectation: 'one of "enforce", "off"',
    accepted: ['enforce', 'off'],
    refused: ['', 'of', 'observe', true, ['off'], ...nothingElse],
    schema: { enum: ['enforce', 'off'] },
  },
  either: {
    rule: either(integerFrom(1, 3), oneOfStrings('all')),
    expectation: 'an integer from 1 to 3, or one of "all"',
    accepted: [1, 3, 'all'],
    refused: [0, 4, 'none', true, ...nothingElse],
    schema: { anyOf: [{ type: 'integer', minimum: 1, maximum: 3 }, { enum: ['all'] }] },
  },
  'either, the second without a schema': {
    rule: either(trueOrFalse, anyFunction),
    expectation: 'true or false, or a function',
    accepted: [true, () => {}],
    refused: ['true', ...nothingElse],
    schema: { type: 'boolean' },
  },
  'either, the first without a schema': {
    rule: either(anyFunction, trueOrFalse),
    expectation: 'a function, or true or false',
    accepted: [false, () => {}],
    refused: [7, ...nothingElse],
    schema: { type: 'boolean' },
  },
  'either, both without a schema': {
    rule: either(anyFunction, anyFunction),
    expectation: 'a function, or a function',
    accepted: [() => {}],
    refused: [7],
    schema: undefined,
  },
};

describe('option rules', () => {
  it.each(Object.entries(rows))('%s', (_name, { rule, expectation, accepted, refused, schema }) => {
    expect(rule.expectation).toBe(expectation);
    expect(rule.schema).toEqual(schema);
    for (const value of accepted) expect(rule.accepts(value)).toBe(true);
    for (const value of refused) expect([value, rule.accepts(value)]).toEqual([value, false]);
  });

  it('are frozen where all policies share them', () => {
    for (const rule of [share, nonEmptyString, trueOrFalse, anyFunction]) expect(Object.isFrozen(rule)).toBe(true);
    expect(enforcements).toEqual(['enforce', 'observe', 'off']);
  });

  it('are checked one after the other, each by its path, and options without one are not', () => {
    const rules = { retries: integerFrom(0, 3), name: nonEmptyString };

    expect(() => checkOptions('x', rules, { retries: 3, name: 'a', other: 'anything' })).not.toThrow();
    expect(() => checkOptions('x', rules, { retries: 4, name: '' })).toThrow(
      new ConfigError('x.retries', 'an integer from 0 to 3', 4),
    );
    expect(() => checkOptions('x', rules, { retries: 1, name: '' })).toThrow(
      'x.name must be a non-empty string, got ""',
    );
    expect(() => checkOptions('x', rules, {})).toThrow('x.retries must be an integer from 0 to 3, got undefined');
  });
});
