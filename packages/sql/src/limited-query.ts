/**
 * Limited query: a statement that tells the server its deadline on its way, in the same round trip.
 *
 *   Parse Bind Execute (set_config)   Parse Bind Describe Execute (the statement)   Sync
 *   └───────────────────── one implicit transaction, one flight ────────────────────┘
 *
 * Until `Sync`, PostgreSQL takes all for one transaction, and starts its limit of time anew with each message: so the limit that
 * the first sets holds for the second, and is gone after it. Nothing stays on the connection, for nobody who comes after.
 *
 * Invariants
 *  (1) The caller sees the statement's own result and errors, as without.
 *  (2) A statement that cannot be part of more is left as it is: one without values, which may hold several statements; CALL,
 *      whose procedure may commit; one that is about to be prepared under a name.
 *
 * Source: PostgreSQL documentation, "Pipelining",
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING.
 *
 * @module
 */

import { limitText, statementLimit } from './begin-text.ts';
import type { SqlCallback, SqlStatement } from './pg-client.ts';

/** Makes a query of a statement; undefined where it is to be sent as it is. `remainingMs` is the time until the deadline. */
export type LimitStatement = (statement: object, remainingMs: number, callback: SqlCallback) => object | undefined;

/** Returns what makes limited queries of a pool's own kind; undefined where that has none. */
export function limitStatements(pool: object): LimitStatement | undefined {
  const { Client } = pool as { readonly Client?: { readonly Query?: QueryClass } };
  const Query = Client?.Query;
  if (typeof Query?.prototype?.prepare !== 'function') return undefined;

  const Limited = limitedClass(Query);
  return (statement, remainingMs, callback) => {
    const limitMs = statementLimit(remainingMs);
    const { text = '', values = [] } = statement as Partial<SqlStatement>;
    if (limitMs === undefined || values.length === 0 || isCall.test(text)) return undefined; // (2)
    return Object.assign(new Limited(statement, undefined, callback), { limitMs });
  };
}

// --- internal ---

/** node-postgres' own class of queries. Cursors and streams rely on the same methods. */
type QueryClass = new (statement: object, values: undefined, callback: SqlCallback) => PgQuery;

interface PgQuery {
  readonly name?: string;
  hasBeenParsed(connection: PgConnection): unknown;
  prepare(connection: PgConnection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: PgConnection): void;
}

interface PgConnection {
  parse(message: { readonly text: string }): void;
  bind(message: object): void;
  execute(message: object): void;
}

const isCall = /^(?:\s|--[^\n]*\n|\/\*.*?\*\/)*call\b/is;

function limitedClass(Query: QueryClass): QueryClass {
  return class LimitedQuery extends Query {
    limitMs = 0;
    #isLimiting = false;

    override prepare(connection: PgConnection): void {
      const isNew = this.name !== undefined && this.name !== '' && this.hasBeenParsed(connection) !== true;
      if (!isNew) this.#limit(connection);
      super.prepare(connection);
    }

    override handleDataRow(message: unknown): void {
      if (!this.#isLimiting) super.handleDataRow(message); // (1)
    }

    override handleCommandComplete(message: unknown, connection: PgConnection): void {
      if (this.#isLimiting) this.#isLimiting = false; // (1)
      else super.handleCommandComplete(message, connection);
    }

    #limit(connection: PgConnection): void {
      this.#isLimiting = true;
      connection.parse({ text: limitText(this.limitMs) });
      connection.bind({});
      connection.execute({});
    }
  };
}
