/**
 * Bound client: a client for a query builder, which knows nothing of contexts. It has the shape of node-postgres' own, and what
 * is sent through it ends with the context.
 *
 * Invariants
 *  (1) Statements are stopped when the context ends; what ends a transaction is not: COMMIT is never stopped halfway, and what
 *      undoes runs after the end as well.
 *  (2) When the context ends, an open transaction is rolled back and the connection taken back, without waiting for whoever has
 *      them: a query builder that forgets to release in such a case loses none.
 *  (3) A cursor or stream cannot be stopped and kept: its connection is destroyed.
 *  (4) A client that was released reaches its connection no more: that may be somebody else's by now.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import { type CommandKind, commandKind } from './command-kind.ts';
import { endOf, watchEnd } from './context-watch.ts';
import type { Connection } from './connection.ts';
import { commitTransaction } from './scope-bounds.ts';
import type { SqlResult, SqlStatement } from './pg-client.ts';
import { TransactionScopeError } from './sql-error.ts';
import { statementOf } from './statement.ts';

/** What a query builder needs of a client. */
export interface BoundClient {
  /**
   * Runs a statement: a text or an object, and values.
   *
   * @throws TransactionScopeError when the client was released: nothing was sent.
   */
  query(statement: string | SqlStatement, values?: readonly unknown[]): Promise<SqlResult>;
  /**
   * Hands a cursor or stream of node-postgres to the connection.
   *
   * @throws TransactionScopeError when the client was released: nothing was sent.
   */
  query<T extends { submit(...args: never[]): unknown }>(cursor: T): T;
  release(destroy?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): this;
  off(event: 'error', listener: (error: Error) => void): this;
}

/** What a bound client needs to know. */
export interface BoundPlan {
  /** Milliseconds for COMMIT. */
  readonly commitTimeoutMs: number;
  /** The context of now: it may differ from statement to statement. */
  readonly contextNow: () => Context;
}

/** Returns a client for a connection. It lives under `context`. */
export function boundClient(connection: Connection, context: Context, plan: BoundPlan): BoundClient {
  return new PlainClient(connection, context, plan);
}

/** Refuses a callback, which would never be called. */
export function refuseCallback(values: readonly unknown[]): void {
  if (values.some((value) => typeof value === 'function'))
    throw new TypeError('a bound pool takes no callback: await it');
}

/** Whether it is a cursor or stream of node-postgres. */
export function isSubmittable(given: unknown): given is { readonly submit: unknown } {
  return typeof given === 'object' && given !== null && 'submit' in given;
}

// --- internal ---

const nothing: SqlResult<never> = Object.freeze({ rows: [], rowCount: null, command: '', fields: [] });

class PlainClient implements BoundClient {
  readonly #connection: Connection;
  readonly #context: Context;
  readonly #plan: BoundPlan;
  readonly #unhook: () => void;
  #hasCursor = false;
  #isReleased = false;
  #leaving: Promise<void> | undefined;

  constructor(connection: Connection, context: Context, plan: BoundPlan) {
    this.#connection = connection;
    this.#context = context;
    this.#plan = plan;
    this.#unhook = watchEnd([context], () => void this.#leave());
  }

  query(statement: string | SqlStatement, values?: readonly unknown[]): Promise<SqlResult>;
  query<T extends { submit(...args: never[]): unknown }>(cursor: T): T;
  query(given: string | object, values?: readonly unknown[], ...rest: unknown[]): unknown {
    if (isSubmittable(given)) return this.#submit(given);
    return this.#run(given as SqlStatement, values, rest);
  }

  release(destroy?: Error | boolean): void {
    this.#isReleased = true;
    this.#unhook();
    const isBroken = destroy !== undefined && destroy !== false;
    if (isBroken) this.#connection.drop(destroy === true ? new Error('released as broken') : destroy);
    else void this.#connection.release();
  }

  on(event: 'error', listener: (error: Error) => void): this {
    if (!this.#isReleased) this.#connection.client.on(event, listener); // (4)
    return this;
  }

  off(event: 'error', listener: (error: Error) => void): this {
    this.#connection.client.off(event, listener);
    return this;
  }

  async #run(given: SqlStatement, values: readonly unknown[] | undefined, rest: unknown[]): Promise<SqlResult> {
    this.#requireHeld();
    refuseCallback([values, ...rest]);
    const statement = statementOf(given, values);
    const contexts = [...new Set([this.#plan.contextNow(), this.#context])];
    const end = endOf(contexts);
    const kind = commandKind(statement.text);
    if (end !== undefined && kind !== 'undo') throw end.cause;
    return this.#runAs(kind, statement, contexts);
  }

  async #runAs(kind: CommandKind, statement: SqlStatement, contexts: readonly Context[]): Promise<SqlResult> {
    const connection = this.#connection;
    switch (kind) {
      case 'commit':
        return commitTransaction(connection, statement, this.#plan.commitTimeoutMs);
      case 'undo':
        return this.#undo(statement);
      case 'begin':
      case 'savepoint':
        return connection.run(statement, { contexts: [], stakes: 'no-effect', limitMs: connection.cancelGraceMs });
      case 'other':
        return connection.run(
          statement,
          connection.isInTransaction
            ? { contexts, stakes: 'no-effect' }
            : { contexts, stakes: 'effect', tellsDeadline: true },
        );
      default:
        return kind satisfies never;
    }
  }

  /** Undoes. Where the connection is lost, the server does it: an error here would hide the one that led to this. */
  async #undo(statement: SqlStatement): Promise<SqlResult> {
    const connection = this.#connection;
    if (endOf([this.#context]) !== undefined) {
      await this.#leave(); // (2)
      return nothing;
    }
    await connection.whenQuiet();
    if (connection.lost !== undefined || !connection.isInTransaction) return nothing;
    try {
      return await connection.run(statement, { contexts: [], stakes: 'no-effect', limitMs: connection.cancelGraceMs });
    } catch (error) {
      if (connection.lost === undefined) throw error;
      return nothing;
    }
  }

  /** Takes the connection back when the context has ended, once. Resolves when it is at rest. Never rejects. */
  #leave(): Promise<void> {
    const cause = endOf([this.#context])?.cause;
    this.#leaving ??= this.#hasCursor ? this.#connection.stopAndDrop(cause) : this.#connection.release(); // (3)
    return this.#leaving;
  }

  #requireHeld(): void {
    if (this.#isReleased) throw new TransactionScopeError('released'); // (4)
  }

  #submit(cursor: object): unknown {
    this.#requireHeld();
    const end = endOf([this.#plan.contextNow(), this.#context]);
    if (end !== undefined) throw end.cause;
    this.#hasCursor = true;
    this.#connection.client.query(cursor);
    return cursor;
  }
}
