/**
 * Accepted: mutants that no test can tell from the original, each with the reason, from the table in `README.md`.
 *
 * A row accepts the mutants of one kind on one line of a file, which it names by its text, so that it goes stale when
 * the line changes, and not when it moves.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs';

import { inRepository } from '../repository.ts';
import type { Mutant } from './mutants.ts';

/** A row of the table. */
export interface Accepted {
  /** From the top of the repository. */
  readonly file: string;
  /** The line, without the white space around it. */
  readonly text: string;
  /** Kinds of change, as Stryker names them, each maybe with what stands in the source's place: `BooleanLiteral true`. */
  readonly mutators: readonly string[];
  readonly reason: string;
}

/** Reads the table. */
export function readAccepted(page: string = readFileSync(inRepository('test/mutation/README.md'), 'utf8')): Accepted[] {
  const [, table = ''] = page.split('<!-- accepted -->');
  return table
    .split('\n')
    .filter((row) => row.startsWith('| `'))
    .map(rowOf);
}

/** Returns what no longer fits the sources, as sentences: rows whose file or line is gone, and those without a reason. */
export function staleRows(rows: readonly Accepted[]): string[] {
  return rows.flatMap(({ file, text, mutators, reason }) => {
    const path = inRepository(file);
    if (!existsSync(path)) return [`${file} is gone`];
    const isThere = readFileSync(path, 'utf8')
      .split('\n')
      .some((line) => line.trim() === text);
    return [
      ...(isThere ? [] : [`${file} has no line ${text}`]),
      ...(mutators.length > 0 && reason !== '' ? [] : [`${file}: no reason is given for ${text}`]),
    ];
  });
}

/** Whether a row of `rows` accepts `mutant`. `lineText` is the line that it starts on. */
export function isAccepted(mutant: Mutant, lineText: string, rows: readonly Accepted[]): boolean {
  const change = `${mutant.mutator} ${mutant.replacement.replaceAll(/\s+/g, ' ')}`;
  return rows.some(
    ({ file, text, mutators }) =>
      file === mutant.file &&
      text === lineText.trim() &&
      mutators.some((each) => each === mutant.mutator || each === change),
  );
}

// --- internal ---

/** `| file | line | mutators | reason |`; the first three in backticks, a bar in them as `\|`. */
function rowOf(row: string): Accepted {
  const [, file = '', text = '', mutators = '', reason = ''] = row
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
  return {
    file: `packages/core/src/${codeOf(file)[0] ?? ''}`,
    text: codeOf(text)[0] ?? '',
    mutators: codeOf(mutators),
    reason,
  };
}

function codeOf(cell: string): string[] {
  return [...cell.matchAll(/(`+) ?(.+?) ?\1(?!`)/g)].map((match) => match[2] ?? '');
}
