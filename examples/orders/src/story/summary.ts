/**
 * Summary: what the run came to, as a table for people and as lines for programs.
 *
 * @module
 */

import Table from 'cli-table3';

import type { Figure } from './promises.ts';

/** The table for people. */
export function summaryTable(figures: readonly Figure[]): string {
  const table = new Table({
    head: ['Orders', 'measured', 'promised', ''],
    colAligns: ['left', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const figure of figures) table.push([figure.text, measured(figure), bound(figure), mark(figure)]);
  return table.toString();
}

/** The lines for programs: `leaving.clients 100`. A figure that was not measured has no line. */
export function summaryLines(figures: readonly Figure[]): string[] {
  return figures.flatMap(({ name, value }) => (value === undefined ? [] : [`${name} ${round(value)}`]));
}

// --- internal ---

function measured({ value, unit }: Figure): string {
  if (value === undefined) return 'not seen';
  return Number.isFinite(value) ? `${round(value)} ${unit}`.trimEnd() : 'never';
}

function bound({ atMost, atLeast, unit }: Figure): string {
  if (atMost === undefined && atLeast === undefined) return '';
  const [word, limit] = atMost === undefined ? ['at least', atLeast] : ['at most', atMost];
  return (limit === 0 ? 'none' : `${word} ${String(limit)} ${unit}`).trimEnd();
}

function mark({ value, isKept, atMost, atLeast }: Figure): string {
  if (!isKept) return 'BROKEN';
  return value === undefined || (atMost === undefined && atLeast === undefined) ? '' : 'kept';
}

function round(value: number): number {
  return value >= 10 ? Math.round(value) : Math.round(value * 100) / 100;
}
