/**
 * Member program: a TypeScript module as one JavaScript file, so that many processes start quickly.
 *
 * Everything is in the file, packages as their sources and ioredis too. `import.meta.url` is that of the file.
 *
 * @module
 */

import { basename } from 'node:path';

import { build } from 'esbuild';

import { privateFolder } from './private-folder.ts';

/** Returns the file that `module` was bundled into, once for each module in the life of this process. */
export function memberProgram(module: string): Promise<string> {
  const known = programs.get(module);
  if (known !== undefined) return known;
  const program = bundle(module);
  programs.set(module, program);
  return program;
}

// --- internal ---

const programs = new Map<string, Promise<string>>();
let folder: string | undefined;

async function bundle(module: string): Promise<string> {
  folder ??= privateFolder('fleet');
  const outfile = `${folder}/${programs.size}-${basename(module).replace(/\.ts$/, '.mjs')}`;
  await build({
    entryPoints: [module],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    conditions: ['@holdfast/source'],
    logLevel: 'silent',
    // CommonJS packages inside an ES module ask for `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}
