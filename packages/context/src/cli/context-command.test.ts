import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { contextCommand } from './context-command.ts';

const files: Readonly<Record<string, string>> = {
  'old.json': JSON.stringify({ version: '2.3', fields: { 'user-id': { type: 'text' } } }),
  'new.json': JSON.stringify({ version: '2.4', fields: { 'user-id': { type: 'text' }, region: { type: 'text' } } }),
  'breaking.json': JSON.stringify({ version: '3.0', fields: {} }),
  'careless.json': JSON.stringify({ version: '2.4', fields: {} }),
  'typo.json': JSON.stringify({ version: '2.4', fields: { 'user-id': { typ: 'text' } } }),
  'array.json': '[]',
  'text.json': 'version: 2.3',
};

function run(...args: string[]): { status: number; output: string } {
  const lines: string[] = [];
  const status = contextCommand(args, {
    readFile: (path) => {
      if (!Object.hasOwn(files, path)) throw new Error(`no such file: ${path}`);
      return files[path] as string;
    },
    print: (line) => lines.push(line),
  });
  return { status, output: lines.join('\n') };
}

describe('context command', { timeout: 60_000 }, () => {
  it('accepts a change that breaks nobody, and says what it is', () => {
    expect(run('check', 'new.json', '--against', 'old.json')).toEqual({
      status: 0,
      output: 'compatible  region is new\n2.3 -> 2.4: compatible, accepted',
    });
    expect(run('check', 'old.json', '--against=old.json')).toEqual({ status: 0, output: '2.3 -> 2.3: same, accepted' });
    expect(run('check', 'new.json')).toEqual({ status: 0, output: 'new.json: version 2.4, 2 fields, valid' });
  });

  it('refuses one that does, unless it is meant and the version says so', () => {
    expect(run('check', 'breaking.json', '--against', 'old.json')).toEqual({
      status: 1,
      output: 'BREAKING    user-id is removed: it was not marked as deprecated before\n2.3 -> 3.0: breaking, refused',
    });
    expect(run('check', '--allow-breaking', 'breaking.json', '--against', 'old.json').status).toBe(0);
    expect(run('check', '--allow-breaking', 'careless.json', '--against', 'old.json')).toEqual({
      status: 1,
      output: expect.stringContaining('VERSION     a breaking change needs 3.0, not 2.4') as string,
    });
    expect(run('check', 'old.json', '--against', 'new.json').status).toBe(1);
  });

  it('(2): answers in JSON', () => {
    const { status, output } = run('check', 'new.json', '--against', 'old.json', '--json');

    expect([status, JSON.parse(output)]).toEqual([
      0,
      {
        verdict: 'compatible',
        changes: [{ field: 'region', aspect: 'field', isBreaking: false, message: 'is new' }],
        isAccepted: true,
        from: '2.3',
        to: '2.4',
      },
    ]);
    expect(JSON.parse(run('check', 'new.json', '--json').output)).toEqual({
      verdict: 'valid',
      version: '2.4',
      fieldCount: 2,
    });
    expect(JSON.parse(run('--json').output)).toEqual({ error: 'no command was given' });
    expect(JSON.parse(run('--json', '--help').output)).toEqual({ usage: expect.stringContaining('Usage:') as string });
  });

  it.each([
    [['--help'], 0, 'Usage: holdfast-context check'],
    [['-h'], 0, 'Usage: holdfast-context check'],
    [[], 2, 'no command was given'],
    [['verify', 'new.json'], 2, 'no command verify'],
    [['check'], 2, 'check needs one file'],
    [['check', 'new.json', 'old.json'], 2, 'check needs one file'],
    [['check', 'new.json', '--against'], 2, 'argument missing'],
    [['check', 'new.json', '--against', '--json'], 2, 'argument is ambiguous'],
    [['check', 'new.json', '--strict'], 2, 'Unknown option'],
    [['check', 'none.json'], 2, 'none.json: no such file: none.json'],
    [['check', 'text.json'], 2, 'text.json: Unexpected token'],
    [['check', 'array.json'], 2, 'array.json: schema must be an object of options'],
    [['check', 'typo.json'], 2, 'typo.json: schema.fields.user-id has no option "typ"'],
    [['check', 'new.json', '--against', 'none.json'], 2, 'none.json: no such file'],
  ])('(1): %j ends with %d: %s', (args, status, output) => {
    const ended = run(...args);

    expect(ended.status).toBe(status);
    expect(ended.output).toContain(output);
  });

  it('(1), (2): ends with 0, 1 or 2, whatever it is given', () => {
    const words = fc.constantFrom(
      'check',
      '--against',
      '--json',
      '--allow-breaking',
      '--against=',
      ...Object.keys(files),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 6 }), (args) => {
        const { status, output } = run(...args);

        expect([0, 1, 2]).toContain(status);
        expect(output).not.toBe('');
        if (args.includes('--json')) expect(JSON.parse(output)).toBeTypeOf('object');
      }),
    );
  });
});
