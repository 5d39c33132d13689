/**
 * Mutated ledger: the ledger in memory, made of a copy of the source in which one rule is removed.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

import { build, type Plugin } from 'esbuild';

import type { Break } from '../../differential/break.ts';
import { inRepository } from '../../repository.ts';
import type { MakeLedger } from './two-ledgers.ts';

/** Makes the ledger. Throws where the source has no such rule. */
export async function mutatedLedger(mutant: Break): Promise<MakeLedger> {
  const { outputFiles } = await build({
    entryPoints: [inRepository('packages/core/src/fleet/memory-ledger.ts')],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
    plugins: [replacing(mutant)],
  });
  const source = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64');
  const url = `data:text/javascript;base64,${source}`;
  const loaded = (await import(/* @vite-ignore */ url)) as { readonly memoryLedger: MakeLedger };
  return loaded.memoryLedger;
}

// --- internal ---

function replacing({ name, file, find, replace }: Break): Plugin {
  const path = inRepository(`packages/core/src/${file}`);
  return {
    name: 'mutant',
    setup: (esbuild) => {
      esbuild.onLoad({ filter: /\.ts$/ }, async (args) => {
        if (args.path !== path) return undefined;
        const text = await readFile(path, 'utf8');
        if (!text.includes(find)) throw new Error(`the mutant "${name}" changes nothing: ${file} has no ${find}`);
        return { contents: text.replace(find, () => replace), loader: 'ts' };
      });
    },
  };
}
