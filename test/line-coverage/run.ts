/**
 * Runs the unit tests of core and asserts what lines they reach: `npm run coverage -- [--floor N]`.
 *
 * Prints the share of lines of every file that is below 100 %, the lines that no test reaches, and the share of all lines;
 * fails below the floor, 97 % unless told otherwise.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

import { commandLineOf, numberFlag } from '../check/command-line.ts';
import { inRepository, repository } from '../repository.ts';
import { type FileCoverage, missingLines, toRanges } from './missing-lines.ts';

const { values: options } = commandLineOf({
  command: 'npm run coverage --',
  purpose: 'Runs the unit tests of core and prints the lines that no test reaches; fails when too few are reached.',
  flags: { floor: numberFlag('share of the lines that must be exceeded, in percent', [0, 100], 97) },
  examples: ['npm run coverage', 'npm run coverage -- --floor=98.5'],
});
const folder = inRepository('.cache/coverage');
const status = runTests();
const shares = Object.entries(read('coverage-summary.json') as Record<string, { lines: Share }>);
const files = read('coverage-final.json') as Record<string, FileCoverage>;

for (const [path, { lines }] of shares.toSorted(([a], [b]) => a.localeCompare(b))) {
  const file = files[path];
  if (lines.covered === lines.total || file === undefined) continue;
  console.log(`${percent(lines)}  ${relative(repository, path)}: ${toRanges(missingLines(file))}`);
}
const all = shares.find(([path]) => path === 'total')?.[1].lines ?? { covered: 0, total: 0 };
const isEnough = all.total > 0 && (all.covered / all.total) * 100 > options.floor;
console.log(`${percent(all)} of ${all.total} lines are reached; ${options.floor} % must be`);
if (status !== 0) console.log(`the tests ended with ${status}`);
process.exitCode = isEnough && status === 0 ? 0 : 1;

// --- internal ---

interface Share {
  readonly covered: number;
  readonly total: number;
}

function runTests(): number | null {
  const { status: ended } = spawnSync(
    inRepository('node_modules/.bin/vitest'),
    [
      'run',
      '--config=test/vitest.config.ts',
      '--project=unit:core',
      '--reporter=dot',
      '--coverage.enabled',
      '--coverage.reportOnFailure',
      `--coverage.reportsDirectory=${folder}`,
      '--coverage.reporter=json',
      '--coverage.reporter=json-summary',
      '--coverage.include=packages/core/src/**',
      '--coverage.exclude=**/*.{test,test-d,bench}.ts',
      '--coverage.exclude=**/testing/*-table.ts',
    ],
    { cwd: repository, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return ended;
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
}

function percent({ covered, total }: Share): string {
  return `${((covered / total) * 100).toFixed(2)} %`.padStart(8);
}
