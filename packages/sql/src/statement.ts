/**
 * Statement: what callers give, in the form that node-postgres takes.
 *
 * @module
 */

import type { SqlStatement } from './pg-client.ts';

/**
 * Returns a statement with its values.
 *
 * @throws TypeError when it has no text, or values are no array.
 */
export function statementOf(statement: string | SqlStatement, values?: readonly unknown[]): SqlStatement {
  const given = typeof statement === 'string' ? { text: statement } : statement;
  if (typeof given?.text !== 'string') throw new TypeError('a statement is a string, or an object with a text');
  if (values !== undefined && !Array.isArray(values)) throw new TypeError('values of a statement come in an array');
  return values === undefined ? { ...given } : { ...given, values };
}
