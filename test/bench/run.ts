/**
 * Runs the benchmarks: `npm run bench -- [--quick] [--isolate] [--write] [--json FILE] [--only NAME,...]`.
 *
 * The table goes to stdout, progress to stderr. `docs/benchmarks/README.md` says what is measured and how to read it.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { inRepository } from '../repository.ts';
import { measureIdleIsolated, measureIsolated } from './child.ts';
import { type Results, describeEnvironment, toMarkdown, toResultRow, toText } from './report.ts';
import { type Effort, type Measured, measureRows } from './rounds.ts';
import { rows } from './rows.ts';
import { type Row, withBaselines } from './subject.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    isolate: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string' },
  },
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

function chosenRows(only: string | undefined): readonly Row[] {
  if (only === undefined) return rows;
  const names = only.split(',');
  const unknown = names.filter((name) => rows.every((row) => row.name !== name));
  if (unknown.length > 0)
    throw new RangeError(`no row ${unknown.join(', ')}; there are ${rows.map(({ name }) => name).join(', ')}`);
  return withBaselines(rows, new Set(names));
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
