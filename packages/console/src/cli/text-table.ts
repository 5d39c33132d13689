/**
 * Text table: rows for a terminal.
 *
 * Invariants
 *  (1) What comes from the service cannot speak to the terminal: control characters are shown as `?`.
 *
 * @module
 */

/** Draws rows under their heads, in columns. Without rows it says so. */
export function textTable(heads: readonly string[], rows: readonly (readonly unknown[])[], what: string): string {
  if (rows.length === 0) return `no ${what}`;
  const cells = [heads, ...rows].map((row) => row.map(plainText));
  const widths = heads.map((_head, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A value as one line of text. */
export function plainText(value: unknown): string {
  if (value === undefined || value === null) return '-';
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '-');
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?'); // (1)
}

/** A time for people: 90 s, 5 min, 1.5 h. */
export function plainTime(ms: unknown): string {
  if (typeof ms !== 'number') return '-';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
