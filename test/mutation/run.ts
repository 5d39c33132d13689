/**
 * Runs mutation tests over core: `npm run mutation -- [--beside] [--floor N] [--concurrency N] [FRAGMENT...]`.
 *
 * Changes the sources of core whose path contains one of the fragments, one place at a time, runs the unit tests that reach
 * it, and prints what nobody noticed and the score of every file and folder. With `--beside` only the tests in the folders
 * of those sources count. `README.md` says how to read it.
 *
 * @module
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { inRepository } from '../repository.ts';
import { isAccepted, readAccepted } from './accepted.ts';
import { type Mutant, tryMutants } from './mutants.ts';
import { type Score, ratioOf, scoreOf, toLine, toMissedLine } from './score.ts';
import { coreSources, folderOf } from './sources.ts';

const { values: options, positionals: fragments } = parseArgs({
  allowPositionals: true,
  options: {
    beside: { type: 'boolean', default: false },
    floor: { type: 'string', default: '85' },
    concurrency: { type: 'string', default: '1' },
  },
});

const sources = coreSources(fragments);
const folders = [...new Set(sources.map(folderOf))];
const mutants = await tryMutants(sources, {
  tests: options.beside ? folders.map((folder) => `${folder}/*.test.ts`) : ['packages/core/src/**/*.test.ts'],
  concurrency: Number(options.concurrency),
});
keep(mutants);

const rows = readAccepted();
const scores = [
  ...sources.map((file) =>
    score(
      file,
      mutants.filter((mutant) => mutant.file === file),
    ),
  ),
  ...folders.map((folder) =>
    score(
      `${folder}/`,
      mutants.filter(({ file }) => folderOf(file) === folder),
    ),
  ),
];
const total = score('all', mutants);
for (const mutant of total.missed) console.log(toMissedLine(mutant));
for (const each of [...scores, total]) console.log(toLine(each));
process.exitCode = ratioOf(total) * 100 >= Number(options.floor) ? 0 : 1;

// --- internal ---

function score(name: string, ofName: readonly Mutant[]): Score {
  return scoreOf(name.replace('packages/core/src/', ''), ofName, (mutant) => isAccepted(mutant, lineOf(mutant), rows));
}

function lineOf({ file, line }: Mutant): string {
  return readFileSync(inRepository(file), 'utf8').split('\n')[line - 1] ?? '';
}

/** Keeps the results beside those of other runs, for whoever wants to look closer. */
function keep(results: readonly Mutant[]): void {
  const name = fragments.join('+').replaceAll(/[^\w+-]/g, '-') || 'core';
  mkdirSync(inRepository('.cache/mutation'), { recursive: true });
  writeFileSync(inRepository(`.cache/mutation/${name}.json`), JSON.stringify(results, undefined, 1));
}
