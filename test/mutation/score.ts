/**
 * Score: the share of mutants that a test noticed, by folder and file.
 *
 * @module
 */

import type { Mutant } from './mutants.ts';

/** What the mutants of a folder or a file came to. */
export interface Score {
  readonly name: string;
  readonly noticed: number;
  /** No test can tell them from the original. They count neither as noticed nor as missed. */
  readonly accepted: number;
  readonly missed: readonly Mutant[];
}

/** Returns the score of all of `mutants` together, under the name `name`. */
export function scoreOf(name: string, mutants: readonly Mutant[], isAccepted: (mutant: Mutant) => boolean): Score {
  const unnoticed = mutants.filter(({ status }) => status === 'survived' || status === 'uncovered');
  const missed = unnoticed.filter((mutant) => !isAccepted(mutant));
  const noticed = mutants.filter(({ status }) => status === 'killed' || status === 'timed-out').length;
  return { name, noticed, accepted: unnoticed.length - missed.length, missed };
}

/** Share of mutants noticed, of those that can be; 1 where there are none. */
export function ratioOf({ noticed, missed }: Score): number {
  const all = noticed + missed.length;
  return all === 0 ? 1 : noticed / all;
}

/** The same with the accepted ones counted as missed. */
export function strictRatioOf({ noticed, missed, accepted }: Score): number {
  const all = noticed + missed.length + accepted;
  return all === 0 ? 1 : noticed / all;
}

/** Returns a line about `score`: `92.3 % (90.1 % strict)  120 noticed, 10 missed, 3 accepted  kernel/`. */
export function toLine(score: Score): string {
  const counts = `${score.noticed} noticed, ${score.missed.length} missed, ${score.accepted} accepted`;
  return `${percent(ratioOf(score))} (${percent(strictRatioOf(score))} strict)  ${counts}  ${score.name}`;
}

/** Returns a line about a mutant that was missed. */
export function toMissedLine({ file, line, column, mutator, replacement, status }: Mutant): string {
  const text = replacement.replaceAll(/\s+/g, ' ');
  const short = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  return `  ${status} ${file.replace('packages/core/src/', '')}:${line}:${column + 1} ${mutator} ${short}`;
}

// --- internal ---

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
