/**
 * Report: the results as a table for a terminal, a page for the docs, and data.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';

import type { IdleCost } from './idle.ts';
import type { Measured } from './rounds.ts';
import type { Spread } from './statistics.ts';

/** Everything that one run found. */
export interface Results {
  readonly environment: Environment;
  readonly effort: string;
  readonly rows: readonly ResultRow[];
  readonly idle: IdleCost | undefined;
}

/** A row, as it is published. */
export interface ResultRow {
  readonly name: string;
  readonly title: string;
  /** Name of the row that the ratios are to. */
  readonly baseline: string;
  /** Time of a call, of the baseline's; the median of all rounds, all rows in one process. */
  readonly ratio: number;
  /** A quarter of the rounds was below. */
  readonly ratioLow: number;
  /** A quarter of the rounds was above. */
  readonly ratioHigh: number;
  /** Nanoseconds per call, median. */
  readonly callNs: number;
  /** The ratio in a fresh process with only this row and its baseline; undefined where that was not measured. */
  readonly isolatedRatio?: number;
}

/** Where it was measured. */
export interface Environment {
  readonly machine: string;
  readonly coreCount: number;
  /** Load of the machine before the run, 1 minute average. */
  readonly load: number;
  readonly node: string;
  readonly v8: string;
  readonly commit: string;
  readonly date: string;
}

/** Returns where and when this runs. Call it before the load of the run itself shows. */
export function describeEnvironment(): Environment {
  const cores = cpus();
  return {
    machine: `${cores[0]?.model.trim() ?? 'unknown processor'}, ${process.platform} ${process.arch}`,
    coreCount: cores.length,
    load: round(loadavg()[0] ?? 0),
    node: process.version,
    v8: process.versions.v8,
    commit: commit(),
    date: new Date().toISOString(),
  };
}

/** Returns a measured row as it is published. */
export function toResultRow(measured: Measured, isolated: Measured | undefined): ResultRow {
  const { name, title, baseline, ratio, callNs } = measured;
  const row = { name, title, baseline, ...ratiosOf(ratio), callNs: round(callNs.median) };
  return isolated === undefined ? row : { ...row, isolatedRatio: round(isolated.ratio.median) };
}

/** Returns the results as a page. */
export function toMarkdown({ environment, effort, rows, idle }: Results): string {
  const lines = [
    '# Benchmark results',
    '',
    'Written by `npm run bench -- --write`; see [how to read it](README.md).',
    '',
    ...environmentLines(environment).map((line) => `* ${line}`),
    `* ${effort}`,
    '',
    '| row | what | baseline | ratio to it | middle half of the rounds | ratio in a fresh process |',
    '|---|---|---|--:|--:|--:|',
    ...rows.map(
      (row) =>
        `| \`${row.name}\` | ${row.title} | \`${row.baseline}\` | ${row.ratio} | ${row.ratioLow} to ${row.ratioHigh} | ${row.isolatedRatio ?? ''} |`,
    ),
    '',
  ];
  if (idle !== undefined) lines.push('At rest:', '', ...idleLines(idle).map((line) => `* ${line}`), '');
  return lines.join('\n');
}

/** Returns the results as a table for a terminal. */
export function toText({ environment, effort, rows, idle }: Results): string {
  const isIsolated = rows.some(({ isolatedRatio }) => isolatedRatio !== undefined);
  const head = ['row', 'baseline', 'ratio', 'low', 'high', 'ns', ...(isIsolated ? ['isolated'] : []), 'what'];
  const body = rows.map((row) => [
    row.name,
    row.baseline,
    row.ratio.toFixed(2),
    row.ratioLow.toFixed(2),
    row.ratioHigh.toFixed(2),
    row.callNs.toFixed(0),
    ...(isIsolated ? [row.isolatedRatio?.toFixed(2) ?? ''] : []),
    row.title,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((cells) => (cells[column] ?? '').length)));
  const table = [head, ...body].map((cells) =>
    cells
      .map((cell, column) => pad(cell, widths, column))
      .join('  ')
      .trimEnd(),
  );
  const parts = [...environmentLines(environment), effort, '', ...table];
  if (idle !== undefined) parts.push('', ...idleLines(idle));
  return `${parts.join('\n')}\n`;
}

// --- internal ---

function ratiosOf({ median, low, high }: Spread) {
  return { ratio: round(median), ratioLow: round(low), ratioHigh: round(high) };
}

function environmentLines({ machine, coreCount, load, node, v8, commit: revision, date }: Environment): string[] {
  return [`${machine}, ${coreCount} cores, load ${load}`, `Node.js ${node}, V8 ${v8}`, `commit ${revision}, ${date}`];
}

function idleLines(idle: IdleCost): string[] {
  const percent = (ratio: number): string => `${(ratio * 100).toFixed(3)} %`;
  const resources = idle.activeResources.length === 0 ? 'none' : idle.activeResources.join(', ');
  return [
    `one breaker: ${idle.bytesPerBreaker} bytes; with a time window: ${idle.bytesPerTimeWindowBreaker} bytes; after calls, on average: ${idle.bytesPerUsedBreaker} bytes`,
    `one pipeline of five: ${idle.bytesPerPipeline} bytes`,
    `${2 * idle.breakerCount} breakers that have seen calls, idle for ${idle.idleMs} ms: ${percent(idle.cpuRatio)} of one core (without them ${percent(idle.emptyCpuRatio)})`,
    `timers and handles that they hold: ${resources}`,
  ];
}

function pad(cell: string, widths: readonly number[], column: number): string {
  const isText = column <= 1 || column === widths.length - 1;
  return isText ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

function commit(): string {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : ', changed since');
  } catch {
    return 'unknown';
  }
}
