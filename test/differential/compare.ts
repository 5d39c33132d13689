/**
 * Compare: plays a case on both sides and says where they differ.
 *
 * @module
 */

import { hedges } from './arbitrary.ts';
import type { Case } from './case.ts';
import type { Entry } from './journal.ts';
import { type Played, type SideFactory, play } from './play.ts';
import { referenceSide } from './reference/side.ts';

/** How the two sides differ, and what the reference did. */
export interface Comparison {
  /** Undefined where they do not differ. */
  readonly difference: string | undefined;
  readonly reference: readonly string[];
  readonly notes: readonly string[];
}

/** Plays a case on both sides. */
export async function compare(specified: Case, engine: SideFactory): Promise<Comparison> {
  const reference = await play(specified, (_listeners, observer) => referenceSide(observer));
  const played = await play(specified, engine);
  const lines = linesOf(reference, specified);
  return { difference: differenceOf(linesOf(played, specified), lines), reference: lines, notes: reference.notes };
}

// --- internal ---

function linesOf({ journal, statistics, pendingCount }: Played, { family, layers }: Case): string[] {
  const entries = family === 'foreign' ? byPolicy(journal.entries) : journal.entries;
  const settled = journal.settlements.toSorted((a, b) => a.call - b.call);
  return [
    ...[...entries, ...settled].map((entry) => journal.lineOf(entry)).filter((line) => !isUnordered(line, layers)),
    ...statistics.split('\n'),
    `${pendingCount} timers left`,
  ];
}

/**
 * Where a foreign policy hedges, one cancellation ends several calls of a retry, of which one runs and another waits. Which of
 * them gives up first is nobody's promise; that each does, the statistics at the end tell.
 */
function isUnordered(line: string, layers: Case['layers']): boolean {
  return line.includes(' retry.gave-up ') && hedges(layers);
}

/**
 * The order within each policy and run only. A foreign policy takes turns of its own between two layers of ours, and how
 * many lie between them is nobody's promise.
 */
function byPolicy(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((a, b) => (a.who < b.who ? -1 : a.who > b.who ? 1 : 0));
}

function differenceOf(engine: readonly string[], reference: readonly string[]): string | undefined {
  const at = engine.findIndex((line, index) => line !== reference[index]);
  if (at < 0 && engine.length === reference.length) return undefined;
  const first = at < 0 ? engine.length : at;
  const around = (lines: readonly string[]): string =>
    lines
      .slice(Math.max(0, first - 6), first + 6)
      .map((line, index) => `${index === Math.min(first, 6) ? '> ' : '  '}${line}`)
      .join('\n');
  return `engine:\n${around(engine)}\nreference:\n${around(reference)}`;
}
