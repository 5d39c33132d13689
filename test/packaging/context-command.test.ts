/**
 * The command `holdfast-context`, as a pipeline of continuous integration runs it from the packed package.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const { application } = inject('packed');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/holdfast-schemas-`);
  const user = { type: 'text', maxBytes: 64 };
  write('main.json', '2.3', { 'user-id': user });
  write('compatible.json', '2.4', { 'user-id': user, 'device-fingerprint': { type: 'text' } });
  write('breaking.json', '2.4', { 'user-id': { ...user, type: 'integer' } });
});

afterAll(() => rmSync(folder, { recursive: true }));

function write(file: string, version: string, fields: object): void {
  writeFileSync(`${folder}/${file}`, JSON.stringify({ version, fields }));
}

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const program = `${application}/node_modules/@holdfast/context/dist/cli/holdfast-context.js`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('holdfast-context', () => {
  it('lets a compatible change pass', () => {
    expect(run('check', 'compatible.json', '--against', 'main.json')).toEqual({
      status: 0,
      stdout: 'compatible  device-fingerprint is new\n2.3 -> 2.4: compatible, accepted\n',
      stderr: '',
    });
  });

  it('blocks a breaking one, in words for people and for programs', () => {
    const said = run('check', 'breaking.json', '--against', 'main.json');
    const written = run('check', 'breaking.json', '--against', 'main.json', '--json');

    expect([said.status, written.status]).toEqual([1, 1]);
    expect(said.stdout).toContain('BREAKING    user-id is integer, was text');
    expect(said.stdout).toContain('VERSION     a breaking change needs 3.0, not 2.4');
    expect(JSON.parse(written.stdout)).toMatchObject({ verdict: 'breaking', isAccepted: false });
  });

  it('ends with 2 for what it cannot read', () => {
    expect(run('check', 'none.json').status).toBe(2);
    expect(run().status).toBe(2);
    expect(run('--help').status).toBe(0);
  });
});
