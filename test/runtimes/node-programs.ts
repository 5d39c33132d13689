/**
 * The Node.js versions that core must run on, and programs run by them.
 *
 * @module
 */

import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

import { inRepository } from '../repository.ts';

const run = promisify(execFile);

/** Paths of one Node.js per version, the oldest first. Downloads what is missing; undefined where that cannot be done. */
export function nodePrograms(): readonly string[] | undefined {
  try {
    const script = inRepository('test/setup/get-nodes.sh');
    const printed = execFileSync('sh', [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    return printed.trim().split('\n');
  } catch {
    return undefined; // the script has said why
  }
}

/** The version of a Node.js: `22.23.3`. */
export function versionOf(program: string): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).trim().slice(1);
}

/** Runs a script by `program` and returns what it prints. Rejects when it fails, warns, or does not end by itself. */
export async function runScript(
  program: string,
  script: string,
  limitMs = 60_000,
  flags: readonly string[] = [],
): Promise<string> {
  const args = ['--unhandled-rejections=strict', ...flags, script];
  const { stdout, stderr } = await run(program, args, { timeout: limitMs });
  if (stderr !== '') throw new Error(stderr);
  return stdout.trim();
}
