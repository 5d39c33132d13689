/**
 * Transaction scope: a transaction, or a savepoint in one, that lasts as long as its work and its context, and is undone whole.
 *
 *   open ── work done ──► finishing ── nothing failed, nothing ended ──► COMMIT / RELEASE
 *     │                       │
 *     └── work failed, or a context ended ──► ended: ROLLBACK / ROLLBACK TO
 *
 * Invariants
 *  (1) It is committed only if its work came to an end without an error, no statement of it failed, and its context is live
 *      when COMMIT is sent. Otherwise exactly what was done in it is undone.
 *  (2) Once COMMIT is sent, nothing stops it, and the caller hears what came of it, or that nobody knows.
 *  (3) When its context ends, its caller hears at once and its work is not waited for: no lock is held for a work that hangs.
 *  (4) Statements go through the innermost open scope and no other, so none ends up in a savepoint that it does not belong to.
 *  (5) A transaction that was ended by a statement, behind its back, is no success, and nothing more goes through it.
 *
 * @module
 */

import { type Context, requireContext } from '@holdfast/core';

import { type End, endOf, watchEnd } from './context-watch.ts';
import type { Connection } from './connection.ts';
import type { SqlResult, SqlStatement } from './pg-client.ts';
import type { ScopeBounds } from './scope-bounds.ts';
import { TransactionAbortedError, TransactionScopeError, sqlStateOf } from './sql-error.ts';
import { refuseControl, statementOf } from './statement.ts';

/** A transaction, or a savepoint in one, in the hands of its work. */
export interface SqlTransaction {
  /** The context it lives under: hand it on to whatever else the work calls. */
  readonly context: Context;
  /**
   * Runs a statement in it, after those before. It is stopped when the context ends.
   *
   * @throws TransactionScopeError when it is over, or a savepoint is open in it: nothing was sent.
   * @throws TransactionScopeError when a statement behind the first in the text ended the transaction: its connection is destroyed.
   * @throws TypeError when the statement would begin or end a transaction or savepoint.
   * @throws the cause of the context, when that ended.
   * @throws the database's own error, unchanged. Then nothing else goes, until a savepoint around it is left.
   */
  query<Row = Readonly<Record<string, unknown>>>(
    statement: string | SqlStatement,
    values?: readonly unknown[],
  ): Promise<SqlResult<Row>>;
  /**
   * Runs `work` in a savepoint: when it fails, or `context` ends, what it did is undone, and the transaction around it goes on.
   * It ends as well when the context of what is around it ends.
   *
   * @throws what `work` threw, unchanged.
   * @throws the cause of the context, when that ended first.
   * @throws TransactionAbortedError when a statement of it had failed and the work went on nevertheless.
   */
  savepoint<T>(context: Context, work: ScopeWork<T>): Promise<T>;
}

/** What runs in a transaction or savepoint. */
export type ScopeWork<T> = (transaction: SqlTransaction) => T | Promise<T>;

/** A transaction or savepoint. */
export class TransactionScope implements SqlTransaction {
  readonly context: Context;
  readonly #connection: Connection;
  readonly #bounds: ScopeBounds;
  readonly #parent: TransactionScope | undefined;
  /** Its own context and those of all scopes around it. */
  readonly #contexts: readonly Context[];
  #state: 'open' | 'finishing' | 'ended' = 'open';
  #end: End | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** The savepoint that was last opened in it, until nothing of that is under way. */
  #inner: { readonly scope: TransactionScope; readonly rest: Promise<void> } | undefined;
  readonly #pending = new Set<Promise<unknown>>();

  constructor(connection: Connection, context: Context, bounds: ScopeBounds, parent?: TransactionScope) {
    this.context = context;
    this.#connection = connection;
    this.#bounds = bounds;
    this.#parent = parent;
    this.#contexts = parent === undefined ? [context] : [context, ...parent.#contexts];
  }

  /** Plays the whole of it. `rest` hears when nothing of it is under way any more; the caller may hear before. */
  play<T>(work: ScopeWork<T>, rest: () => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let interrupt = reject;
      const unhook = watchEnd(this.#contexts, (end) => {
        this.#state = 'ended';
        this.#end = end;
        reject(end.cause); // (3)
        interrupt(end.cause);
      });
      const untilEnd = (): Promise<T> =>
        new Promise((keep, drop) => {
          interrupt = drop;
          if (this.#end === undefined) settle(async () => work(this), keep, drop);
          else drop(this.#end.cause);
        });
      settle(() => this.#carryOut(untilEnd, unhook).finally(rest), resolve, reject);
    });
  }

  query<Row>(statement: string | SqlStatement, values?: readonly unknown[]): Promise<SqlResult<Row>> {
    return this.#admit(async () => {
      const checked = statementOf(statement, values);
      refuseControl(checked);
      try {
        const result = await this.#connection.run<Row>(checked, { contexts: this.#contexts, stakes: 'no-effect' });
        if (hasEnded(result)) this.#loseTransaction();
        this.#requireTransaction();
        return result;
      } catch (error) {
        if (sqlStateOf(error) !== undefined) this.#failure ??= { error };
        throw error;
      }
    });
  }

  savepoint<T>(context: Context, work: ScopeWork<T>): Promise<T> {
    return this.#admit(() => {
      requireContext('savepoint', context);
      if (typeof work !== 'function') throw new TypeError('savepoint needs a function as its work');
      const scope = new TransactionScope(this.#connection, context, this.#bounds.inner(), this);
      const end = endOf(scope.#contexts);
      if (end !== undefined) throw end.cause;
      return new Promise<T>((resolve) => {
        const rest = new Promise<void>((noteRest) => {
          const played = scope.play(work, () => {
            this.#inner = undefined;
            noteRest();
          });
          resolve(played);
        });
        this.#inner = { scope, rest };
      });
    });
  }

  // --- internal ---

  async #carryOut<T>(work: () => Promise<T>, unhook: () => void): Promise<T> {
    let value: T;
    try {
      await this.#bounds.open(this.#contexts);
    } catch (error) {
      unhook();
      this.#state = 'ended';
      await this.#bounds.abandon();
      throw error;
    }
    try {
      value = await work();
      await this.#finish();
    } catch (error) {
      unhook();
      this.#state = 'ended';
      if (this.#parent?.isEnded !== true) await this.#bounds.undo();
      throw error;
    }
    unhook(); // (2)
    try {
      await this.#bounds.close();
    } finally {
      this.#state = 'ended';
    }
    return value;
  }

  get isEnded(): boolean {
    return this.#state === 'ended' || this.#parent?.isEnded === true;
  }

  /** Waits for what the work has not waited for, and decides. */
  async #finish(): Promise<void> {
    if (this.#state === 'open') this.#state = 'finishing';
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
    await this.#inner?.rest;
    const end = this.#end ?? endOf(this.#contexts);
    if (end !== undefined) throw end.cause; // (1)
    this.#requireTransaction();
    if (this.#failure !== undefined) throw new TransactionAbortedError(this.#failure.error);
    if (this.isEnded) throw new TransactionScopeError('ended');
  }

  /** Runs `task`, if this is the moment for it, and remembers it until it is over. */
  async #admit<T>(task: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    const running = this.#atRest(task);
    this.#pending.add(running);
    try {
      return await running;
    } finally {
      this.#pending.delete(running);
    }
  }

  /** Runs `task`, after a savepoint that has ended has been undone: (4). */
  async #atRest<T>(task: () => Promise<T>): Promise<T> {
    if (this.#inner !== undefined) {
      await this.#inner.rest;
      if (this.isEnded) this.#requireOpen();
    }
    return task();
  }

  /** Refuses to go on when a statement has ended the transaction: (5). Before the next is sent. */
  #requireTransaction(): void {
    if (this.#connection.lost === undefined && this.#connection.isOutsideTransaction) this.#loseTransaction();
  }

  #loseTransaction(): never {
    const error = new TransactionScopeError('ended-by-statement');
    this.#connection.drop(error);
    throw error;
  }

  #requireOpen(): void {
    const end = this.#end ?? endOf(this.#contexts);
    if (end !== undefined) throw end.cause;
    if (this.#state !== 'open' || this.isEnded) throw new TransactionScopeError('ended');
    if (this.#inner?.scope.isEnded === false) throw new TransactionScopeError('has-open-savepoint');
  }
}

// --- internal ---

/** Whether one of several statements of a text has ended the transaction, even if another has begun the next. */
function hasEnded(results: SqlResult<unknown> | readonly SqlResult<unknown>[]): boolean {
  return [results].flat().some(({ command }) => command === 'COMMIT' || command === 'ROLLBACK');
}

function settle<T>(start: () => Promise<T>, keep: (value: T) => void, drop: (error: unknown) => void): void {
  start().then(keep, drop);
}
