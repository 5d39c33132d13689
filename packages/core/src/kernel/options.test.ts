import { describe, expect, it } from 'vitest';

import { isResilienceError } from './errors.ts';
import {
  ConfigError,
  defaultTimeoutOf,
  inRange,
  integerInRange,
  isFunction,
  isName,
  oneOf,
  withDefaults,
  withKnown,
} from './options.ts';

const defaults = Object.freeze({ name: 'x', size: 3 });

/** What a ConfigError of this message about one option is made of. */
function partsOf(message: string, given: object): [option: string, expectation: string, value: unknown] {
  const [, option = '', expectation = ''] = /^(\S+) must be (.*), got /.exec(message) ?? [];
  return [option, expectation, Object.values(given)[0]];
}

describe('withDefaults', () => {
  it('(1) neither changes nor keeps the object of the caller', () => {
    const given = Object.freeze({ size: 5 });
    const resolved = withDefaults('x', defaults, given);

    expect(resolved).toEqual({ name: 'x', size: 5 });
    expect(resolved).not.toBe(given);
    expect(resolved).not.toBe(defaults);
  });

  it('(2) takes undefined as omitted, but null and other values as given', () => {
    expect(withDefaults('x', defaults, { name: undefined, size: null })).toEqual({ name: 'x', size: null });
  });

  it('(3) charter E3: refuses an unknown option with the list of the known ones', () => {
    const known = 'captureAsyncContext, clock, events, name, random, size, store, value';

    expect(() => withDefaults('x', defaults, { sizee: 1 }, ['value'])).toThrow(
      new TypeError(`x has no option "sizee"; it knows ${known}`),
    );
    expect(() => withDefaults('x', defaults, { toString: 1 })).toThrow('x has no option "toString"');
    expect(() => withDefaults('x', defaults, { sizee: undefined })).toThrow('x has no option "sizee"');
  });

  it('knows the ports and the optional ones', () => {
    const clock = { now: () => 0, setTimer: () => {} };

    expect(withDefaults('x', defaults, { clock, value: 1 }, ['value'])).toEqual({ ...defaults, clock, value: 1 });
  });

  it.each([
    [{ clock: {} }, 'x.clock must be a Clock, got an object'],
    [{ clock: { now: () => 0 } }, 'x.clock must be a Clock, got an object'],
    [{ clock: { setTimer: () => {} } }, 'x.clock must be a Clock, got an object'],
    [{ clock: { now: 0, setTimer: () => {} } }, 'x.clock must be a Clock, got an object'],
    [{ clock: null }, 'x.clock must be a Clock, got null'],
    [{ random: 0.5 }, 'x.random must be a function, got 0.5'],
    [{ events: {} }, 'x.events must be an Events, got an object'],
    [{ events: { emit: () => {} } }, 'x.events must be an Events, got an object'],
    [{ events: { active: true } }, 'x.events must be an Events, got an object'],
    [{ events: null }, 'x.events must be an Events, got null'],
    [{ captureAsyncContext: {} }, 'x.captureAsyncContext must be a function, got an object'],
  ])('refuses a port that is none: %j', (given, message) => {
    expect(() => withDefaults('x', defaults, given)).toThrow(new ConfigError(...partsOf(message, given)));
  });

  it('takes every port, and those of the caller by identity', () => {
    const ports = {
      clock: { now: () => 0, setTimer: () => {} },
      random: () => 0.5,
      events: { active: false, emit: () => {}, listen: () => {} },
      captureAsyncContext: () => () => {},
    };

    expect(withDefaults('x', defaults, ports)).toEqual({ ...defaults, ...ports });
  });

  it('knows no port where there is no policy', () => {
    expect(() => withKnown('x', defaults, { clock: undefined, other: 1 }, ['value'])).toThrow(
      'x has no option "clock"; it knows name, size, value',
    );
    expect(() => withKnown('x', defaults, { other: 1 })).toThrow('x has no option "other"; it knows name, size');
  });

  it.each([null, 7, 'options', true, [[]]])('refuses %j in place of an object', (given) => {
    expect(() => withDefaults('x', defaults, given as never)).toThrow(ConfigError);
    expect(() => withDefaults('x', defaults, given as never)).toThrow('x must be an object of options, got');
  });
});

describe('checks', () => {
  it('(3) say which option, what it may be, and what it was', () => {
    const messages = [
      [() => inRange('x.a', 11, [0, 10]), 'x.a must be a number from 0 to 10, got 11'],
      [() => inRange('x.a', Number.NaN, [0, 10]), 'x.a must be a number from 0 to 10, got NaN'],
      [() => inRange('x.a', '5', [0, 10]), 'x.a must be a number from 0 to 10, got "5"'],
      [() => integerInRange('x.a', 0.5, [0, 10]), 'x.a must be an integer from 0 to 10, got 0.5'],
      [() => integerInRange('x.a', [1], [0, 10]), 'x.a must be an integer from 0 to 10, got an array'],
      [() => isName('x.a', ''), 'x.a must be a non-empty string, got ""'],
      [() => oneOf('x.a', {}, ['b', 1]), 'x.a must be one of "b", 1, got an object'],
      [() => isFunction('x.a', null), 'x.a must be a function, got null'],
    ] as const;

    for (const [check, message] of messages) expect(check).toThrow(message);
  });

  it('accept both ends of a range', () => {
    for (const value of [0, 10]) {
      expect(() => inRange('x.a', value, [0, 10])).not.toThrow();
      expect(() => integerInRange('x.a', value, [0, 10])).not.toThrow();
    }
    expect(() => inRange('x.a', Infinity, [0, Infinity])).not.toThrow();
    expect(() => integerInRange('x.a', Infinity, [0, Infinity])).toThrow('got Infinity');
  });

  it('lower the default time of work to the longest, and refuse one that was given and is above it', () => {
    const byDefault = { defaultTimeoutMs: 30, maxTimeoutMs: 10 };
    expect(defaultTimeoutOf('work', {}, byDefault)).toBe(10);
    expect(defaultTimeoutOf('work', { defaultTimeoutMs: 10 }, { ...byDefault, defaultTimeoutMs: 10 })).toBe(10);
    expect(() => defaultTimeoutOf('work', { defaultTimeoutMs: 30 }, byDefault)).toThrow(
      'work.defaultTimeoutMs must be at most maxTimeoutMs, which is 10, got 30',
    );
  });

  it('throw a RangeError that knows the option and the value, and is one of ours', () => {
    const error = new ConfigError('x.a', 'a number', -1);

    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ name: 'ConfigError', code: 'INVALID_CONFIG', option: 'x.a', value: -1 });
    expect(isResilienceError(error)).toBe(true);
  });
});
