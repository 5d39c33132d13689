/**
 * Prometheus programs: where promtool and the server are, or why they are not to be had.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

import { inRepository } from '../repository.ts';

/** A program, or why there is none. */
export type Program = { readonly path: string } | { readonly path: undefined; readonly whyNot: string };

/**
 * Gets a program; downloads it where that is possible.
 *
 * @throws Error where it must be had: CI runs as root on Debian.
 */
export function getProgram(name: 'promtool' | 'prometheus'): Program {
  const script = inRepository('test/setup/get-promtool.sh');
  const { status, stdout, stderr } = spawnSync('sh', [script, name], { encoding: 'utf8' });
  if (status === 0) return { path: stdout.trim() };
  const whyNot = stderr.trim();
  const isRequired = Boolean(process.env['CI']) && existsSync('/etc/debian_version') && process.getuid?.() === 0;
  if (isRequired) throw new Error(whyNot);
  console.warn(whyNot);
  return { path: undefined, whyNot };
}
