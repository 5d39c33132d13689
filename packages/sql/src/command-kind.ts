/**
 * Command kind: what a statement does to the transaction it is sent in, as far as its first words tell. For texts that others
 * made: a query builder sends `begin` and `commit` as it sends everything else.
 *
 * @module
 */

/**
 * `begin`, `savepoint`: nothing is begun after the end. `commit`: never stopped halfway. `undo`: never stopped, and runs after
 * the end as well: `rollback`, `rollback to`, `release`. `other`: everything else.
 */
export type CommandKind = 'begin' | 'savepoint' | 'commit' | 'undo' | 'other';

/** Returns the kind of a command. */
export function commandKind(text: string): CommandKind {
  const [, first = '', second = ''] = beginning.exec(text) ?? [];
  const word = first.toLowerCase();
  if (word === 'start') return second.toLowerCase() === 'transaction' ? 'begin' : 'other';
  return kinds.get(word) ?? 'other';
}

// --- internal ---

/** The first two words, after what says nothing: blanks, semicolons and comments. Every comment ends in one place only. */
const beginning = /^(?:[\s;]|--[^\n\r]*[\n\r]|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*([a-z]+)\s*([a-z]*)/i;

const kinds: ReadonlyMap<string, CommandKind> = new Map([
  ['begin', 'begin'],
  ['savepoint', 'savepoint'],
  ['commit', 'commit'],
  ['end', 'commit'],
  ['rollback', 'undo'],
  ['abort', 'undo'],
  ['release', 'undo'],
]);
