/**
 * The command `holdfast`, from the packed package.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';

import { describe, expect, inject, it } from 'vitest';

const { application } = inject('packed');

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const program = `${application}/node_modules/@holdfast/console/dist/cli/holdfast.js`;
  const env = { ...process.env, HOLDFAST_TOKEN: 'correct-horse-battery-staple' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

describe('holdfast', () => {
  it('helps', () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: holdfast') as string });
  });

  it('ends with 2 for a wrong command, and with 3 where nobody answers', () => {
    expect(run('delete')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('no command') as string,
    });
    const { status, stdout } = run('ls', '--json', '--url', 'http://127.0.0.1:9');
    expect([status, JSON.parse(stdout)]).toMatchObject([3, { exitCode: 3 }]);
  });
});
