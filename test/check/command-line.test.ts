import { spawnSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import {
  type Program,
  helpOf,
  integerFlag,
  namesFlag,
  numberFlag,
  presence,
  readCommandLine,
  textFlag,
} from './command-line.ts';

const flags = {
  quick: presence('does less'),
  calls: integerFlag('calls to make', [1, 100], 50),
  floor: numberFlag('share that must be reached, in percent', [0, 100], undefined),
  json: textFlag('FILE', 'where the results go'),
  only: namesFlag('rows to measure', ['bare', 'noop']),
};
const program = { command: 'npm run thing --', purpose: 'Does the thing.', flags, examples: ['npm run thing'] };
const withWords = { ...program, words: { placeholder: 'FRAGMENT', meaning: 'sources with this in their path' } };
const read = (...args: readonly string[]) => readCommandLine(program, args);

describe('a command line', () => {
  it('has the defaults of what it does not say', () => {
    expect(read()).toEqual({
      values: { quick: false, calls: 50, floor: undefined, json: undefined, only: undefined },
      words: [],
    });
  });

  it('is read by the kind of each flag', () => {
    expect(read('--quick', '--calls', '7', '--floor=97.5', '--json=a.json', '--only=bare,noop')).toEqual({
      values: { quick: true, calls: 7, floor: 97.5, json: 'a.json', only: ['bare', 'noop'] },
      words: [],
    });
  });

  it('has words beside the flags only where the program takes some', () => {
    expect(readCommandLine(withWords, ['a', '--quick', 'b'])).toMatchObject({ words: ['a', 'b'] });
    expect(() => read('a')).toThrow("Unexpected argument 'a'");
  });

  it.each([['--help'], ['-h'], ['--calls=0', '--help']])('asks for help with %s', (...args) => {
    expect(read(...args)).toBe('help');
  });

  it.each([
    [['--fast'], /^Unknown option '--fast'$/],
    [['--calls'], /--calls/],
    [['--quick=yes'], /--quick/],
    [['--calls=0'], /^--calls must be an integer from 1 to 100, got "0"$/],
    [['--calls=101'], /^--calls must be an integer from 1 to 100, got "101"$/],
    [['--calls=1.5'], /^--calls must be an integer/],
    [['--calls='], /^--calls must be an integer/],
    [['--floor=abc'], /^--floor must be a number from 0 to 100, got "abc"$/],
    [['--floor=0x10'], /^--floor must be a number/],
    [['--json='], /^--json must not be empty$/],
    [['--only=bare,opossum,x'], /^--only has no "opossum", "x"$/],
  ])('of %j is refused in one line', (args, message) => {
    expect(() => read(...args)).toThrow(expect.objectContaining({ name: 'UsageError' }) as Error);
    expect(() => read(...args)).toThrow(message);
  });
});

describe('the help', () => {
  it('says what the program does, each flag with range and default, and an example', () => {
    expect(helpOf(withWords as Program<typeof flags>)).toBe(`Usage: npm run thing -- [flags] [FRAGMENT...]

Does the thing.

  FRAGMENT...      sources with this in their path
  --quick          does less
  --calls N        calls to make; an integer from 1 to 100, 50 without it
  --floor N        share that must be reached, in percent; a number from 0 to 100
  --json FILE      where the results go
  --only NAME,...  rows to measure: bare noop
  --help           this text

For example:

  npm run thing
`);
  });

  it('breaks a long meaning between words', () => {
    const only = namesFlag(
      'one of',
      Array.from({ length: 30 }, (_none, index) => `name-${index}`),
    );
    const lines = helpOf({ ...program, flags: { only } }).split('\n');

    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(lines.filter((line) => line.includes('name-')).length).toBeGreaterThan(1);
  });
});

const limitMs = 60_000;

function runProgram(path: string, ...args: readonly string[]) {
  const flagsOfNode = ['--conditions=@holdfast/source', '--import', 'tsx'];
  return spawnSync(process.execPath, [...flagsOfNode, inRepository(`test/${path}`), ...args], {
    cwd: inRepository('.'),
    encoding: 'utf8',
    timeout: limitMs,
  });
}

describe.each([
  'console-page/take-pictures.ts',
  'dashboard/write.ts',
  'docs/config-files.ts',
  'docs/option-table.ts',
  'packaging/api-report.ts',
  'packaging/sizes.ts',
  'redis/lua-sources.ts',
])('%s', (path) => {
  it('explains itself and writes nothing', () => {
    const { status, stdout, stderr } = runProgram(path, '--help');

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: npm run [\s\S]*\n {2}--help[\s\S]*\nFor example:\n/);
  });
});

describe.each([
  'check.ts',
  'bench/run.ts',
  'soak/run.ts',
  'long/run.ts',
  'mutation/run.ts',
  'line-coverage/run.ts',
  'runtimes/nodes.ts',
])('%s', (path) => {
  const run = (...args: readonly string[]) => runProgram(path, ...args);

  it('explains itself and ends with 0, and does nothing else', () => {
    const { status, stdout, stderr } = run('--help');

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: npm run [\s\S]*\n {2}--help[\s\S]*\nFor example:\n/);
  });

  it('refuses an unknown flag in one line, with the list of flags, and ends with 2', () => {
    const { status, stdout, stderr } = run('--no-such-flag');

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^Unknown option '--no-such-flag'\n\n( {2}.*\n)+$/);
  });
});
