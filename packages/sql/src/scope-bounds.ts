/**
 * Scope bounds: the statements that open and close a transaction or a savepoint. None of them can be stopped by a context:
 * each takes a moment, or its connection is dropped.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import { type TransactionOptions, beginText } from './begin-text.ts';
import { remainingMsOf } from './context-watch.ts';
import type { Connection } from './connection.ts';
import type { SqlResult, SqlStatement } from './pg-client.ts';
import { CommitOutcomeUnknownError, StatementOutcomeUnknownError, TransactionAbortedError } from './sql-error.ts';

/** How a scope is opened and closed. */
export interface ScopeBounds {
  /** Opens it, with the deadline of `contexts` as the server's limit for each of its statements. */
  open(contexts: readonly Context[]): Promise<void>;
  /** Leaves it after it could not be opened. Never rejects. */
  abandon(): Promise<void>;
  /** Undoes what was done in it. Never rejects: where the server does not do it, the connection is dropped, which does it. */
  undo(): Promise<void>;
  /** Makes what was done in it stay. */
  close(): Promise<void>;
  /** The bounds of a savepoint in it. */
  inner(): ScopeBounds;
}

/** What the bounds need to know. */
export interface BoundsPlan {
  readonly options: TransactionOptions;
  /** Milliseconds for COMMIT. */
  readonly commitTimeoutMs: number;
  readonly setsStatementTimeout: boolean;
}

/** Returns the bounds of a transaction. */
export function transactionBounds(connection: Connection, plan: BoundsPlan): ScopeBounds {
  const undo = (): Promise<void> => undoWith(connection, 'ROLLBACK');
  return {
    async open(contexts) {
      const remainingMs = plan.setsStatementTimeout ? remainingMsOf(contexts) : Infinity;
      await connection.runThrough(beginText(plan.options, remainingMs), connection.cancelGraceMs);
    },
    abandon: undo,
    undo,
    close: () => commit(connection, plan),
    inner: savepointsOf(connection),
  };
}

/**
 * Runs a statement that commits.
 *
 * @throws CommitOutcomeUnknownError when it was sent and no answer came.
 */
export async function commitTransaction(
  connection: Connection,
  statement: SqlStatement,
  limitMs: number,
): Promise<SqlResult> {
  try {
    return await connection.run(statement, { contexts: [], stakes: 'effect', limitMs });
  } catch (error) {
    throw error instanceof StatementOutcomeUnknownError ? new CommitOutcomeUnknownError(error.cause) : error;
  }
}

// --- internal ---

async function commit(connection: Connection, { options, commitTimeoutMs }: BoundsPlan): Promise<void> {
  try {
    const { command } = await commitTransaction(connection, { text: 'COMMIT' }, commitTimeoutMs);
    if (command === 'ROLLBACK') throw new TransactionAbortedError(undefined);
  } catch (error) {
    const isHarmless = options.readOnly === true && error instanceof CommitOutcomeUnknownError;
    if (!isHarmless) throw error;
  }
}

/** Names of savepoints are unique on a connection as long as one is open: one after the other, each with its number. */
function savepointsOf(connection: Connection): () => ScopeBounds {
  let count = 0;
  const inner = (): ScopeBounds => {
    const name = `holdfast_${(count += 1)}`;
    const { cancelGraceMs } = connection;
    const undo = (): Promise<void> => undoWith(connection, `ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`);
    return {
      open: async () => void (await connection.runThrough(`SAVEPOINT ${name}`, cancelGraceMs)),
      abandon: async () => {}, // there is none
      undo,
      async close() {
        try {
          await connection.runThrough(`RELEASE SAVEPOINT ${name}`, cancelGraceMs);
        } catch (error) {
          await undo();
          throw error;
        }
      },
      inner,
    };
  };
  return inner;
}

async function undoWith(connection: Connection, text: string): Promise<void> {
  try {
    await connection.runThrough(text, connection.cancelGraceMs);
  } catch (error) {
    connection.drop(error);
  }
}
