/**
 * SQL errors: what a caller is told where the database's own error, or the cause of the context, would not say enough; and how
 * errors of the database are told apart.
 *
 * @module
 */

import { ResilienceError, nameErrorClass } from '@holdfast/core';

/** A statement was sent outside of a transaction, and no answer came: it may have been done, or not. */
export class StatementOutcomeUnknownError extends ResilienceError {
  readonly code = 'STATEMENT_OUTCOME_UNKNOWN';

  constructor(cause: unknown) {
    super('no answer came to a statement: it may have been done', { cause });
  }
}

/** `COMMIT` was sent, and no answer came: the transaction may have been committed, or not. */
export class CommitOutcomeUnknownError extends ResilienceError {
  readonly code = 'COMMIT_OUTCOME_UNKNOWN';

  constructor(cause: unknown) {
    super('no answer came to COMMIT: the transaction may have been committed', { cause });
  }
}

/**
 * A statement of the transaction or savepoint had failed (`cause`), that was caught, and the work went on as if nothing were.
 * PostgreSQL does not: it was rolled back.
 */
export class TransactionAbortedError extends ResilienceError {
  readonly code = 'TRANSACTION_ABORTED';

  constructor(cause: unknown) {
    super('the transaction was rolled back, because a statement of it had failed before', { cause });
  }
}

/** A transaction, a savepoint or a client was used as it must not be. Nothing was sent, but for `ended-by-statement`. */
export class TransactionScopeError extends ResilienceError {
  readonly code = 'TRANSACTION_SCOPE';
  /**
   * `ended`: it is over. `has-open-savepoint`: until that ends, statements go through it. `released`: the client has been given
   * back, and may be somebody else's by now. `ended-by-statement`: a text with several statements had one in it that ends a
   * transaction: nobody knows what of it stayed. Its connection is destroyed.
   */
  readonly reason: 'ended' | 'has-open-savepoint' | 'released' | 'ended-by-statement';

  constructor(reason: TransactionScopeError['reason']) {
    super(scopeMessages[reason]);
    this.reason = reason;
  }
}

/** A connection did not do in time what it must: it was destroyed. */
export class ConnectionDroppedError extends ResilienceError {
  readonly code = 'CONNECTION_DROPPED';

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** Returns the SQLSTATE of an error that the server sent: `'23505'`. Undefined for all others. Never throws. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = fieldsOf(error);
  return typeof severity === 'string' && typeof code === 'string' ? code : undefined;
}

/**
 * Whether a transaction failed only because of others that ran beside it, so that it makes sense to run the whole of it again:
 * serialization failure and deadlock. For `isRetryable` of `retry`. Never throws.
 */
export function isTransactionConflict(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01';
}

/**
 * Whether the database could not be reached, or ended the connection, and nothing was done: as while it restarts. The whole may be
 * tried again, later. For `isRetryable` of `retry`, and for an answer that says "later". False where an outcome is unknown.
 * Never throws.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof ConnectionDroppedError) return true;
  const state = sqlStateOf(error);
  if (state !== undefined) return state.startsWith('08') || statesOfAbsence.has(state);
  if (!(error instanceof Error)) return false;
  return codesOfAbsence.has(String(fieldsOf(error).code)) || wordsOfAbsence.has(error.message);
}

/** Whether the server refused, and the connection goes on: whatever it refused was not done. */
export function isRefusal(error: unknown): boolean {
  return sqlStateOf(error) !== undefined && fieldsOf(error).severity === 'ERROR';
}

/** Whether the server has ended the connection with this error. */
export function isFatal(error: unknown): boolean {
  return sqlStateOf(error) !== undefined && !isRefusal(error);
}

/** Whether the server stopped a statement: by a request, or by one of its own limits of time. */
export function isStopped(error: unknown): boolean {
  return sqlStateOf(error) === '57014';
}

// --- internal ---

const scopeMessages = {
  ended: 'this transaction or savepoint is over',
  'has-open-savepoint': 'a savepoint is open: use what its work was given, or await it first',
  'ended-by-statement': 'a statement ended the transaction behind its back: what was done in it may have stayed',
  released: 'this client was released: check out another',
} as const satisfies Record<TransactionScopeError['reason'], string>;

/**
 * Of the server, besides connection exceptions: it shuts down, has crashed, starts up, dropped an idle session, or takes no more.
 *
 * Source: PostgreSQL documentation, "PostgreSQL Error Codes", https://www.postgresql.org/docs/current/errcodes-appendix.html.
 */
const statesOfAbsence: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P05', '53300']);

/** Of sockets, by Node.js' own names. */
const codesOfAbsence: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Of node-postgres, which gives these errors no code. */
const wordsOfAbsence: ReadonlySet<string> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'timeout expired',
  'timeout exceeded when trying to connect',
]);

nameErrorClass(StatementOutcomeUnknownError, 'StatementOutcomeUnknownError');
nameErrorClass(CommitOutcomeUnknownError, 'CommitOutcomeUnknownError');
nameErrorClass(TransactionAbortedError, 'TransactionAbortedError');
nameErrorClass(TransactionScopeError, 'TransactionScopeError');
nameErrorClass(ConnectionDroppedError, 'ConnectionDroppedError');

function fieldsOf(error: unknown): { readonly code?: unknown; readonly severity?: unknown } {
  return typeof error === 'object' && error !== null ? error : {};
}
