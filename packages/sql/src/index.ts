/**
 * Holdfast sql: PostgreSQL under a deadline.
 *
 * @module
 */

export { type SqlPool, type SqlPoolOptions, sqlPool, sqlPoolDefaults } from './sql-pool.ts';
export { type PgPool, type PgPoolClient, type SqlResult, type SqlStatement } from './pg-client.ts';
export { type SqlCounts } from './connection.ts';

// Transactions
export { type TransactionOptions } from './begin-text.ts';
export { type ScopeWork, type SqlTransaction } from './transaction-scope.ts';

// For query builders
export { type BoundPool, type ContextSource } from './bound-pool.ts';
export { type BoundClient } from './bound-client.ts';

// Errors
export {
  CommitOutcomeUnknownError,
  ConnectionDroppedError,
  StatementOutcomeUnknownError,
  TransactionAbortedError,
  TransactionScopeError,
  isDatabaseUnavailable,
  isTransactionConflict,
  sqlStateOf,
} from './sql-error.ts';
