/**
 * Member program: the module of a process as one JavaScript file, so that all start within a second.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

/** A program to start. */
export interface MemberProgram {
  readonly file: string;
  remove(): void;
}

/** Makes the program. */
export async function memberProgram(): Promise<MemberProgram> {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-example-fleet-`);
  const file = `${folder}/member.mjs`;
  await build({
    entryPoints: [fileURLToPath(new URL('member.ts', import.meta.url))],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    conditions: ['@holdfast/source'],
    logLevel: 'silent',
    // ioredis is a CommonJS package, which asks for `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
