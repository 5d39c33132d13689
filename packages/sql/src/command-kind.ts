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
  const [, first = '', second = ''] = /^(?:\s|--[^\n]*\n|\/\*.*?\*\/)*([a-z]+)\s*([a-z]*)/is.exec(text) ?? [];
  const word = first.toLowerCase();
  if (word === 'start') return second.toLowerCase() === 'transaction' ? 'begin' : 'other';
  return kinds.get(word) ?? 'other';
}

// --- internal ---

const kinds: ReadonlyMap<string, CommandKind> = new Map([
  ['begin', 'begin'],
  ['savepoint', 'savepoint'],
  ['commit', 'commit'],
  ['end', 'commit'],
  ['rollback', 'undo'],
  ['abort', 'undo'],
  ['release', 'undo'],
]);
