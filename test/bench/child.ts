/**
 * Child: what is measured in a process of its own, and how it is started.
 *
 * As a program: `child.ts row NAME EFFORT` or `child.ts idle COUNT IDLE_MS`; prints JSON.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { type IdleCost, measureIdle } from './idle.ts';
import { type Effort, type Measured, measureRows } from './rounds.ts';
import { rows } from './rows.ts';
import { type Row, withBaselines } from './subject.ts';

/** Measures one row, paired with its baseline, in a fresh process. */
export async function measureIsolated(row: Row, effort: Effort): Promise<Measured> {
  return (await runChild('row', row.name, JSON.stringify(effort))) as Measured;
}

/** Measures what policies cost at rest, in a fresh process. */
export async function measureIdleIsolated(breakerCount: number, idleMs: number): Promise<IdleCost> {
  return (await runChild('idle', String(breakerCount), String(idleMs))) as IdleCost;
}

// --- internal ---

const run = promisify(execFile);
const self = fileURLToPath(import.meta.url);

async function runChild(...args: readonly string[]): Promise<unknown> {
  const { stdout } = await run(process.execPath, [...process.execArgv, self, ...args], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return JSON.parse(stdout);
}

async function main([what, first = '', second = '']: readonly string[]): Promise<unknown> {
  if (what === 'idle') return measureIdle(Number(first), Number(second));
  const wanted = withBaselines(rows, new Set([first]));
  const measured = await measureRows(wanted, JSON.parse(second) as Effort);
  return measured.find(({ name }) => name === first);
}

if (process.argv[1] === self) process.stdout.write(JSON.stringify(await main(process.argv.slice(2))));
