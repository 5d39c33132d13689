import { isRejection, isResilienceError } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { serverError } from '../../../test/sql/fake-pool.ts';
import {
  CommitOutcomeUnknownError,
  ConnectionDroppedError,
  StatementOutcomeUnknownError,
  TransactionAbortedError,
  TransactionScopeError,
  isDatabaseUnavailable,
  isFatal,
  isRefusal,
  isTransactionConflict,
  sqlStateOf,
} from './sql-error.ts';

describe('the errors', () => {
  const cause = new Error('reset');

  it.each([
    [new StatementOutcomeUnknownError(cause), 'StatementOutcomeUnknownError', 'STATEMENT_OUTCOME_UNKNOWN'],
    [new CommitOutcomeUnknownError(cause), 'CommitOutcomeUnknownError', 'COMMIT_OUTCOME_UNKNOWN'],
    [new TransactionAbortedError(cause), 'TransactionAbortedError', 'TRANSACTION_ABORTED'],
    [new ConnectionDroppedError('gone', cause), 'ConnectionDroppedError', 'CONNECTION_DROPPED'],
  ])('%s has its name, code and cause, and is no rejection: something was sent', (error, name, code) => {
    expect(error).toMatchObject({ name, code, cause });
    expect([isResilienceError(error), isRejection(error)]).toEqual([true, false]);
  });

  it('TransactionScopeError says why', () => {
    expect(new TransactionScopeError('ended')).toMatchObject({ reason: 'ended', code: 'TRANSACTION_SCOPE' });
    expect(new TransactionScopeError('has-open-savepoint').message).toContain('a savepoint is open');
  });
});

describe('errors of the server', () => {
  it('are told by their SQLSTATE, and others are not taken for one', () => {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

    expect(sqlStateOf(serverError('23505'))).toBe('23505');
    expect([reset, undefined, null, 'text', new Error('x')].map(sqlStateOf)).toEqual(Array(5).fill(undefined));
  });

  it('are a refusal, or the end of the connection', () => {
    const [refusal, fatal] = [serverError('23505'), serverError('57P01', 'FATAL')];

    expect([refusal, fatal, new Error('x')].map(isRefusal)).toEqual([true, false, false]);
    expect([refusal, fatal, new Error('x')].map(isFatal)).toEqual([false, true, false]);
  });

  it('may be worth another try of the whole transaction', () => {
    const states = ['40001', '40P01', '23505', '57014'];

    expect(states.map((state) => isTransactionConflict(serverError(state)))).toEqual([true, true, false, false]);
    expect(isTransactionConflict(new CommitOutcomeUnknownError(serverError('40001')))).toBe(false);
  });

  it.each([
    ['the server shuts down', serverError('57P01', 'FATAL'), true],
    ['the server starts up', serverError('57P03', 'FATAL'), true],
    ['the server takes no more', serverError('53300', 'FATAL'), true],
    ['a connection exception', serverError('08006'), true],
    ['nobody listens', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), true],
    ['the connection broke, by node-postgres', new Error('Connection terminated unexpectedly'), true],
    ['the pool has no client in time', new Error('timeout exceeded when trying to connect'), true],
    ['no answer in time', new ConnectionDroppedError('late'), true],
    ['a refusal', serverError('23505'), false],
    ['a statement that was stopped', serverError('57014'), false],
    ['a password that is wrong', serverError('28P01', 'FATAL'), false],
    ['an unknown outcome', new StatementOutcomeUnknownError(new Error('Connection terminated unexpectedly')), false],
    ['an unknown commit', new CommitOutcomeUnknownError(serverError('57P01', 'FATAL')), false],
    ['any other error', new TypeError('a bug'), false],
    ['what is no error', 'ECONNREFUSED', false],
    ['nothing', undefined, false],
  ])('say that the database is not there: %s', (_what, error, expected) => {
    expect(isDatabaseUnavailable(error)).toBe(expected);
  });
});
