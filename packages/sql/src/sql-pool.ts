/**
 * SQL pool: a pool of node-postgres whose statements and transactions end with their context, and never hit anybody else's.
 *
 * Use it around the `pg.Pool` of a service. Do not use it for what has no deadline at all, as a worker that listens for
 * notifications for days: that takes a client of its own.
 *
 * Invariants
 *  (1) A client goes back to the pool only when it is at rest: no statement, no transaction, no request to stop something.
 *  (2) Nothing waits longer than its context lives, but for the server's word on an effect, and that at most `cancelGraceMs`.
 *
 * @module
 */

import {
  type Clock,
  type Context,
  ConfigError,
  inRange,
  oneOf,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { type TransactionOptions, checkTransaction } from './begin-text.ts';
import { type BoundPool, type ContextSource, boundPool } from './bound-pool.ts';
import { sendCancelRequest } from './cancel-request.ts';
import { checkOut } from './check-out.ts';
import type { ConnectionPorts, SqlCounts, Tally } from './connection.ts';
import { limitStatements } from './limited-query.ts';
import type { PgPool, SqlResult, SqlStatement } from './pg-client.ts';
import { transactionBounds } from './scope-bounds.ts';
import type { Stakes } from './statement-run.ts';
import { statementOf } from './statement.ts';
import { type ScopeWork, TransactionScope } from './transaction-scope.ts';

/** Options of {@link sqlPool}. Omitted ones take {@link sqlPoolDefaults}. */
export interface SqlPoolOptions {
  /**
   * Time for a statement to stop after its context has ended; then its connection is destroyed. The same goes for BEGIN, SAVEPOINT
   * and the statements that undo. Milliseconds, 10 to 600 000.
   * @defaultValue 2000
   */
  readonly cancelGraceMs?: number;
  /**
   * Time for COMMIT, which no context stops; then the connection is destroyed and nobody knows. Milliseconds, 10 to 600 000.
   * @defaultValue 10_000
   */
  readonly commitTimeoutMs?: number;
  /**
   * Whether the server is told of deadlines, as its `statement_timeout`: `remaining`, or `off`. It goes with the message that
   * begins a transaction, or with the statement itself if that has values: it costs no round trip, and nothing of it stays.
   * @defaultValue 'remaining'
   */
  readonly statementTimeout?: 'remaining' | 'off';
  /** Source of time and waits. */
  readonly clock?: Clock;
}

/** Every default of {@link sqlPool}, in one place. */
export const sqlPoolDefaults: Required<SqlPoolOptions> = Object.freeze({
  cancelGraceMs: 2000,
  commitTimeoutMs: 10_000,
  statementTimeout: 'remaining',
  clock: systemClock,
});

/** A pool whose statements end with their context. */
export interface SqlPool {
  /**
   * Runs a statement that may have an effect. When the context ends, it is stopped, and the server's word on it is waited for:
   * a statement that was done in spite of it fulfils.
   *
   * @throws the cause of the context, when that ended and the statement was not done.
   * @throws the database's own error, unchanged.
   * @throws StatementOutcomeUnknownError when it was sent and no answer came.
   */
  query<Row = Readonly<Record<string, unknown>>>(
    context: Context,
    statement: string | SqlStatement,
    values?: readonly unknown[],
  ): Promise<SqlResult<Row>>;
  /**
   * Runs a statement that has no effect, which you say by calling this. When the context ends, the caller hears at once, and the
   * statement is stopped beside. Without an answer it fails with what broke the connection, and may be tried again.
   *
   * @throws the cause of the context, when that ended first.
   * @throws the database's own error, unchanged.
   */
  read<Row = Readonly<Record<string, unknown>>>(
    context: Context,
    statement: string | SqlStatement,
    values?: readonly unknown[],
  ): Promise<SqlResult<Row>>;
  /**
   * Runs `work` in a transaction. It is committed when `work` has come to an end without an error while the context was live;
   * else it is rolled back. When the context ends, the caller hears at once. COMMIT, once sent, is not stopped.
   *
   * @throws what `work` threw, unchanged.
   * @throws the cause of the context, when that ended before COMMIT was sent.
   * @throws CommitOutcomeUnknownError when COMMIT was sent and no answer came.
   * @throws TransactionAbortedError when a statement had failed and the work went on nevertheless.
   */
  transaction<T>(context: Context, work: ScopeWork<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Returns a pool of the shape of node-postgres' own for a query builder, all of whose statements live under `source`: a context,
   * or a function that returns the one of the moment. The query builder begins and ends transactions itself: COMMIT is not stopped,
   * and what it left open when the context ended is rolled back.
   */
  under(source: ContextSource): BoundPool;
  /** What happened so far. */
  counts(): SqlCounts;
}

/**
 * Wraps a pool. It holds no client: those who use the pool without it are not in its way.
 *
 * @throws ConfigError when an option is out of range, or the first argument is no pool of node-postgres.
 */
export function sqlPool(pool: PgPool, options: SqlPoolOptions = {}): SqlPool {
  const { cancelGraceMs, commitTimeoutMs, statementTimeout, clock } = resolve(pool, options);
  const tally: Tally = { ...nothingYet };
  const ports: ConnectionPorts = {
    clock,
    cancelGraceMs,
    tally,
    cancel: (client) => sendCancelRequest(pool, client),
    limit: statementTimeout === 'remaining' ? limitStatements(pool) : undefined,
  };

  return {
    async query<Row>(context: Context, statement: string | SqlStatement, values?: readonly unknown[]) {
      requireContext('query', context);
      return runAlone<Row>({ pool, ports, stakes: 'effect' }, context, statementOf(statement, values));
    },
    async read<Row>(context: Context, statement: string | SqlStatement, values?: readonly unknown[]) {
      requireContext('read', context);
      return runAlone<Row>({ pool, ports, stakes: 'no-effect' }, context, statementOf(statement, values));
    },
    async transaction(context, work, transactionOptions = {}) {
      requireContext('transaction', context);
      if (typeof work !== 'function') throw new TypeError('transaction needs a function as its work');
      const checked = checkTransaction(transactionOptions);
      const plan = { options: checked, commitTimeoutMs, setsStatementTimeout: statementTimeout === 'remaining' };
      const connection = await checkOut(pool, context, ports);
      const scope = new TransactionScope(connection, context, transactionBounds(connection, plan));
      return scope.play(work, () => void connection.release());
    },
    under(source) {
      if (typeof source !== 'function') requireContext('under', source);
      return boundPool({ commitTimeoutMs, checkOut: (context) => checkOut(pool, context, ports) }, source);
    },
    counts: () => ({ ...tally }),
  };
}

// --- internal ---

const nothingYet: SqlCounts = Object.freeze({
  checkedOut: 0,
  waiting: 0,
  gaveUpWaiting: 0,
  stopped: 0,
  cancelRequests: 0,
  dropped: 0,
});

interface Place {
  readonly pool: PgPool;
  readonly ports: ConnectionPorts;
  readonly stakes: Stakes;
}

/** Runs one statement on a client of its own. */
async function runAlone<Row>(
  { pool, ports, stakes }: Place,
  context: Context,
  statement: SqlStatement,
): Promise<SqlResult<Row>> {
  const connection = await checkOut(pool, context, ports);
  try {
    return await connection.run<Row>(statement, { contexts: [context], stakes, tellsDeadline: true });
  } finally {
    void connection.release(); // (1)
  }
}

function resolve(pool: PgPool, options: SqlPoolOptions): Required<SqlPoolOptions> {
  const given = (pool ?? {}) as Partial<Record<'connect' | 'options' | 'Client', unknown>>;
  const isPool =
    typeof given.connect === 'function' && typeof given.options === 'object' && typeof given.Client === 'function';
  if (!isPool) throw new ConfigError('sqlPool.pool', 'a Pool of node-postgres', pool);

  const resolved = withKnown('sqlPool', sqlPoolDefaults, options);
  inRange('sqlPool.cancelGraceMs', resolved.cancelGraceMs, [10, 600_000]);
  inRange('sqlPool.commitTimeoutMs', resolved.commitTimeoutMs, [10, 600_000]);
  oneOf('sqlPool.statementTimeout', resolved.statementTimeout, ['remaining', 'off']);
  return resolved;
}
