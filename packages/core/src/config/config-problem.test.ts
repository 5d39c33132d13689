import { describe, expect, it } from 'vitest';

import { ConfigError } from '../kernel/options.ts';
import { ConfigurationError, inside, problemAt, refusalAt } from './config-problem.ts';

describe('a problem of a configuration', () => {
  it('is told by an error with a code, one line each', () => {
    const problems = [problemAt('a', 'is wrong'), problemAt('b', 'is, too')];

    expect(new ConfigurationError(problems)).toMatchObject({
      name: 'ConfigurationError',
      code: 'INVALID_CONFIGURATION',
      message: 'the configuration has 2 problems\n  a is wrong\n  b is, too',
      problems,
    });
    expect(new ConfigurationError(problems.slice(1)).message).toBe('the configuration has 1 problem\n  b is, too');
  });

  it.each([
    ['prices', 'p.prices'],
    ['half-open', 'p.half-open'],
    ['$schema', 'p.$schema'],
    [3, 'p[3]'],
    ['3', 'p["3"]'],
    ['two words', 'p["two words"]'],
    ['a.b', 'p["a.b"]'],
    ['', 'p[""]'],
  ])('has a path as JavaScript would write it: %j', (key, expected) => {
    expect(inside('p', key)).toBe(expected);
  });

  it.each([
    ['retry.maxAttempts', 'p[0].maxAttempts'],
    ['chaos[0].kind', 'p[0][0].kind'],
    ['keyed', 'p[0]'],
  ])('leads down to the option that a policy names: %s', (option, path) => {
    expect(refusalAt('p[0]', new ConfigError(option, 'a number', 'x'))).toEqual({
      path,
      message: `${path} must be a number, got "x"`,
    });
  });

  it('is told as it is where it names no option', () => {
    expect(refusalAt('p[0]', new TypeError('boom'))).toEqual({ path: 'p[0]', message: 'p[0]: boom' });
    expect(refusalAt('p[0]', 'boom').message).toBe('p[0]: boom');
  });
});
