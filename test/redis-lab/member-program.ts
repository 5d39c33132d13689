/**
 * Member program: a TypeScript module as one JavaScript file, so that many processes start quickly.
 *
 * Everything is in the file, packages as their sources and ioredis too. `import.meta.url` is that of the file. With edits it is
 * made of other sources than those that are here: a neighbour release.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

import { type Plugin, build } from 'esbuild';

import { inRepository } from '../repository.ts';
import { privateFolder } from './private-folder.ts';

/** One change of the sources, in a program only. */
export interface SourceEdit {
  /** Path from the top of the repository. */
  readonly file: string;
  /** What is there, once or more; all are replaced. */
  readonly find: string;
  readonly replace: string;
}

/**
 * Returns the file that `module` was bundled into, once for each module and its edits in the life of this process.
 *
 * @throws Error when there is nothing that an edit would change.
 */
export function memberProgram(module: string, edits: readonly SourceEdit[] = []): Promise<string> {
  const key = JSON.stringify([module, edits]);
  const known = programs.get(key);
  if (known !== undefined) return known;
  const program = bundle(module, edits);
  programs.set(key, program);
  return program;
}

// --- internal ---

const programs = new Map<string, Promise<string>>();
let folder: string | undefined;

async function bundle(module: string, edits: readonly SourceEdit[]): Promise<string> {
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
    plugins: edits.length === 0 ? [] : [editing(edits)],
    // CommonJS packages inside an ES module ask for `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

function editing(edits: readonly SourceEdit[]): Plugin {
  const left = new Set(edits.map(({ file }) => file));
  return {
    name: 'edits',
    setup: (esbuild) => {
      esbuild.onLoad({ filter: /\.ts$/ }, (args) => {
        const own = edits.filter(({ file }) => inRepository(file) === args.path);
        for (const { file } of own) left.delete(file);
        if (own.length === 0) return undefined;
        return { contents: own.reduce(edited, readFileSync(args.path, 'utf8')), loader: 'ts' };
      });
      esbuild.onEnd(() => {
        if (left.size > 0) throw new Error(`no program has ${[...left].join(', ')}`);
      });
    },
  };
}

function edited(text: string, { file, find, replace }: SourceEdit): string {
  if (!text.includes(find)) throw new Error(`an edit changes nothing: ${file} has no ${find}`);
  return text.replaceAll(find, () => replace);
}
