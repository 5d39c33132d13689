/**
 * Missing lines: those that start a statement and that no test reaches.
 *
 * @module
 */

/** What a coverage report says of a file, in Istanbul's form. */
export interface FileCoverage {
  readonly statementMap: Readonly<Record<string, { readonly start: { readonly line: number } }>>;
  /** How often each statement ran. */
  readonly s: Readonly<Record<string, number>>;
}

/** Returns the lines on which a statement starts and none ran, in order. */
export function missingLines({ statementMap, s }: FileCoverage): number[] {
  const reached = new Map<number, boolean>();
  for (const [id, { start }] of Object.entries(statementMap)) {
    reached.set(start.line, reached.get(start.line) === true || (s[id] ?? 0) > 0);
  }
  return [...reached].flatMap(([line, isReached]) => (isReached ? [] : [line])).toSorted((a, b) => a - b);
}

/** Writes lines shorter: `3-5, 9`. */
export function toRanges(lines: readonly number[]): string {
  const ranges: [from: number, to: number][] = [];
  for (const line of lines) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === line - 1) last[1] = line;
    else ranges.push([line, line]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}
