/**
 * Runs the benchmarks: `npm run bench -- [--quick] [--isolate] [--write] [--json FILE] [--only NAME,...]`.
 *
 * The table goes to stdout, progress to stderr. `docs/benchmarks/README.md` says what is measured and how to read it.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';

import { commandLineOf, namesFlag, presence, textFlag } from '../check/command-line.ts';
import { inRepository } from '../repository.ts';
import { measureIdleIsolated, measureIsolated } from './child.ts';
import { type Results, describeEnvironment, toMarkdown, toResultRow, toText } from './report.ts';
import { type Effort, type Measured, measureRows } from './rounds.ts';
import { rows } from './rows.ts';
import { type Row, withBaselines } from './subject.ts';

const { values: options } = commandLineOf({
  command: 'npm run bench --',
  purpose: 'Measures what a call costs, beside a bare await and beside peers, and prints the table.',
  flags: {
    quick: presence('fewer and shorter rounds, to see that it runs'),
    isolate: presence('measures each row in a fresh process as well'),
    write: presence('also writes docs/benchmarks/results.md; measures each row in a fresh process, too'),
    json: textFlag('FILE', 'also writes the results to a file'),
    only: namesFlag(
      'some rows, and what they are compared with; all of them without it',
      rows.map(({ name }) => name),
    ),
  },
  examples: ['npm run bench -- --quick', 'npm run bench -- --only=breaker,opossum --json=results.json'],
});

const full = {
  together: { rounds: 41, batchMs: 20, warmUpMs: 300 },
  alone: { rounds: 25, batchMs: 20, warmUpMs: 300 },
};
const quick = { together: { rounds: 9, batchMs: 8, warmUpMs: 100 }, alone: { rounds: 7, batchMs: 8, warmUpMs: 100 } };
const effort = options.quick ? quick : full;

const environment = describeEnvironment();
const wanted = chosenRows(options.only);
const measured = await measureTogether(wanted);
const isolated = options.isolate || options.write ? await measureEachAlone(wanted) : new Map<string, Measured>();
const idle = options.only === undefined ? await measureRest() : undefined;

const results: Results = {
  environment,
  effort: `${effort.together.rounds} rounds, batches of about ${effort.together.batchMs} ms`,
  rows: measured.map((row) => toResultRow(row, isolated.get(row.name))),
  idle,
};
process.stdout.write(toText(results));
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
if (options.write) await writeFile(inRepository('docs/benchmarks/results.md'), toMarkdown(results));

// --- internal ---

function chosenRows(only: readonly string[] | undefined): readonly Row[] {
  return only === undefined ? rows : withBaselines(rows, new Set(only));
}

async function measureTogether(chosen: readonly Row[]): Promise<Measured[]> {
  progress(`${chosen.length} rows in one process`);
  let told = 0;
  return measureRows(chosen, effort.together, (share) => {
    if (share < told + 0.2 && share < 1) return;
    told = share;
    progress(`  ${Math.round(share * 100)} % of the rounds`);
  });
}

async function measureEachAlone(chosen: readonly Row[]): Promise<Map<string, Measured>> {
  const alone: Effort = effort.alone;
  const found = new Map<string, Measured>();
  for (const row of chosen) {
    progress(`${row.name} in a fresh process`);
    found.set(row.name, await measureIsolated(row, alone));
  }
  return found;
}

async function measureRest() {
  progress('10,000 breakers at rest');
  return measureIdleIsolated(10_000, options.quick ? 2000 : 4000);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
