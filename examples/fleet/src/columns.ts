/**
 * Columns: rows of cells set in columns without lines, colours not counted.
 *
 * @module
 */

import Table from 'cli-table3';

/** One column. */
export interface Column {
  /** Characters, the gap to the next one included. */
  readonly width: number;
  readonly align: 'left' | 'right';
}

/** Sets `rows` in `columns`, one line each. What is too long is cut. */
export function rowsOf(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const table = new Table({
    colWidths: columns.map(({ width }) => width),
    colAligns: columns.map(({ align }) => align),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    chars: noLines,
  });
  for (const row of rows) table.push([...row]);
  return table.toString().split('\n');
}

// --- internal ---

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
} as const;
