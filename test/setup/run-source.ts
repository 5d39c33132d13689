/**
 * Runs a TypeScript file in a process of its own, on the sources of the packages.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { repository } from '../repository.ts';

const run = promisify(execFile);

/** Runs `file` with `args` and returns what it prints. Rejects when it fails or takes longer than `limitMs`. */
export async function runSource(file: string, args: readonly string[] = [], limitMs = 50_000): Promise<string> {
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx'];
  const { stdout } = await run(process.execPath, [...flags, file, ...args], {
    cwd: repository,
    env: { ...process.env, NO_COLOR: '1' },
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  return stdout;
}
