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

import { commandLineOf, integerFlag, numberFlag, orEnd, presence, UsageError } from '../check/command-line.ts';
import { inRepository } from '../repository.ts';
import { isAccepted, readAccepted } from './accepted.ts';
import type { Mutant } from './mutants.ts';
import { type Score, ratioOf, scoreOf, toLine, toMissedLine } from './score.ts';
import { coreSources, folderOf } from './sources.ts';

const program = {
  command: 'npm run mutation --',
  purpose:
    'Changes the sources of core in one small place at a time, and prints the changes that no unit test notices.',
  flags: {
    beside: presence('only the tests in the folders of the sources count: stricter, and faster'),
    floor: numberFlag('share of the changes that must be noticed, in percent', [0, 100], 85),
    concurrency: integerFlag('test runs at once', [1, 64], 1),
  },
  words: {
    placeholder: 'FRAGMENT',
    meaning: 'sources with one of these in their path; all of core, hours, without one',
  },
  examples: ['npm run mutation -- policies/retry', 'npm run mutation -- --beside --floor=90 kernel/clock'],
};

const { values: options, words } = commandLineOf(program);
const fragments = words.flatMap((fragment) => fragment.split(','));
const sources = orEnd(program, () => sourcesWith(fragments));
const folders = [...new Set(sources.map(folderOf))];
const { tryMutants } = await import('./mutants.ts'); // takes seconds to load: only when it is needed
const mutants = await tryMutants(sources, {
  tests: options.beside ? folders.map((folder) => `${folder}/*.test.ts`) : ['packages/core/src/**/*.test.ts'],
  concurrency: options.concurrency,
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
process.exitCode = ratioOf(total) * 100 >= options.floor ? 0 : 1;

// --- internal ---

function sourcesWith(parts: readonly string[]): string[] {
  const found = coreSources(parts);
  if (found.length === 0) throw new UsageError(`no source of core has ${parts.join(' or ')} in its path`);
  return found;
}

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
