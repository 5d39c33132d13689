import { describe, expect, it } from 'vitest';

import {
  type OptionRule,
  anyFunction,
  either,
  integerFrom,
  nonEmptyString,
  numberFrom,
} from '../kernel/option-rules.ts';
import { isConfigurable, isObject, isSameValue, readValue } from './config-value.ts';

const half = (value: number): number => value / 2;
const madeByCode: OptionRule = { expectation: 'a budget', accepts: () => false, schema: undefined };
const anything: OptionRule = {
  expectation: 'anything but a function',
  accepts: (value) => typeof value !== 'function',
  schema: {},
};

/** The value that was read, or what is wrong with it. */
function read(rule: OptionRule, value: unknown, functions = { half, double: (each: number) => each * 2 }): unknown {
  const { problem, ...rest } = readValue('prices[0].option', rule, value, functions);
  return problem === undefined ? rest : problem.message;
}

describe('the value of an option in a configuration', () => {
  it.each([
    [integerFrom(1, 5), 3, { value: 3 }],
    [either(numberFrom(0, 9), anyFunction), 7, { value: 7 }],
    [either(numberFrom(0, 9), anyFunction), { $function: 'half' }, { value: half }],
    [anyFunction, { $function: 'half' }, { value: half }],
    [anything, null, { value: null }],
    [anything, { a: [1, { b: 2 }] }, { value: { a: [1, { b: 2 }] } }],
  ])('is read where the rule accepts it: %#', (rule, value, expected) => {
    expect(read(rule, value)).toEqual(expected);
  });

  it.each([
    [integerFrom(1, 5), 6, 'prices[0].option must be an integer from 1 to 5, got 6'],
    [nonEmptyString, '', 'prices[0].option must be a non-empty string, got ""'],
    [anyFunction, half, 'prices[0].option must be a function by name, { "$function": "..." }, got a function'],
    [anyFunction, 'half', 'prices[0].option must be a function by name, { "$function": "..." }, got "half"'],
    [anyFunction, {}, 'prices[0].option must be a function by name, { "$function": "..." }, got an object'],
    [
      either(nonEmptyString, anyFunction),
      half,
      'prices[0].option must be a function by name, { "$function": "..." }, got a function',
    ],
    [either(nonEmptyString, anyFunction), 7, 'prices[0].option must be a non-empty string, or a function, got 7'],
    [anyFunction, { $function: 'third' }, 'prices[0].option.$function must be one of double, half, got "third"'],
    [anyFunction, { $function: 7 }, 'prices[0].option.$function must be one of double, half, got 7'],
    [anyFunction, { $function: 'toString' }, 'prices[0].option.$function must be one of double, half, got "toString"'],
    [anyFunction, { $function: 'half', of: 1 }, 'prices[0].option.of is not known beside the name of a function'],
  ])('is refused, with what it may be, where it does not: %#', (rule, value, message) => {
    expect(read(rule, value)).toBe(message);
  });

  it('says that there are no functions where none was handed in', () => {
    const { problem } = readValue('a', anyFunction, { $function: 'half' }, {});

    expect(problem?.message).toBe('a.$function must be no function, for none was handed in, got "half"');
  });

  it('is a copy, at every level', () => {
    const given = { list: [{ deep: 1 }] };
    const { value } = readValue('a', anything, given, {}) as { readonly value: typeof given };

    expect(value).toEqual(given);
    expect(value.list[0]).not.toBe(given.list[0]);
    expect(value.list).not.toBe(given.list);
  });

  it('cannot be set where neither JSON nor a name can hold it', () => {
    expect([integerFrom(1, 2), anyFunction, madeByCode].map(isConfigurable)).toEqual([true, true, false]);
  });

  it('is an object only as JSON has them', () => {
    expect([{}, Object.create(null), [], null, undefined, 'a', half].map(isObject)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('two values of an option', () => {
  it.each([
    [1, 1],
    [Number.NaN, Number.NaN],
    [half, half],
    [[], []],
    [
      [1, [2]],
      [1, [2]],
    ],
    [{}, {}],
    [
      { a: 1, b: { c: [2] } },
      { b: { c: [2] }, a: 1 },
    ],
    [{ a: undefined }, { a: undefined }],
  ])('are the same by content: %#', (one, other) => {
    expect([isSameValue(one, other), isSameValue(other, one)]).toEqual([true, true]);
  });

  it.each([
    [1, 2],
    [1, '1'],
    [0, -0],
    [half, (value: number) => value / 2],
    [[1], [2]],
    [[1], [1, 2]],
    [
      [1, 2],
      [2, 1],
    ],
    [[], {}],
    [{ length: 0 }, []],
    [{}, null],
    [{ a: 1 }, 1],
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: undefined }, { b: undefined }],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
  ])('are not the same otherwise: %#', (one, other) => {
    expect([isSameValue(one, other), isSameValue(other, one)]).toEqual([false, false]);
  });
});
