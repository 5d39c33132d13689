/**
 * Statement: what callers give, in the form that node-postgres takes.
 *
 * @module
 */

import { commandKind } from './command-kind.ts';
import type { SqlStatement } from './pg-client.ts';

/**
 * Returns a copy of a statement with its values: what the caller changes later, while it waits for a client, has no effect.
 *
 * @throws TypeError when it has no text, or values are no array.
 */
export function statementOf(statement: string | SqlStatement, values?: readonly unknown[]): SqlStatement {
  const given = typeof statement === 'string' ? { text: statement } : statement;
  if (typeof given?.text !== 'string') throw new TypeError('a statement is a string, or an object with a text');
  const { text, name } = given; // of tagged templates these are often getters of a class, which a copy would lose
  const own = values ?? given.values ?? undefined;
  if (own !== undefined && !Array.isArray(own)) throw new TypeError('values of a statement come in an array');
  return { ...given, text, ...(name !== undefined && { name }), ...(own !== undefined && { values: [...own] }) };
}

/**
 * Refuses what would end or open a transaction behind the back of the one who keeps it.
 *
 * @throws TypeError when the statement is one of those, as far as its first words tell.
 */
export function refuseControl({ text }: SqlStatement): void {
  if (commandKind(text) === 'other') return;
  throw new TypeError(`a transaction ends with its work, and savepoint() opens one in it; not by a statement: ${text}`);
}
