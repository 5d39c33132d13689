/**
 * Statement run: one statement on one connection, from its turn until the connection is quiet again.
 *
 *   waiting ── its turn ──► sent ── the server's answer ─────────────────────► over
 *      │                     └── a context ends ──► stopping ── it is quiet ──► over
 *      └── a context ends ──► over, and was never sent
 *
 *  waiting  -> sent      start()
 *  waiting  -> over      #end()      the caller gets the cause
 *  sent     -> over      #settle()   the caller gets the answer
 *  sent     -> stopping  #end()      a caller that needs no answer gets the cause now, any other what comes of it
 *  stopping -> over      #stop()     the statement has settled, and nothing is under way that could hit another one
 *
 * Invariants
 *  (1) The caller is told exactly once, and the truth: the cause only where the statement was not done, or has no effect.
 *  (2) The connection is given on only when it is over; a connection that does not become quiet is destroyed.
 *  (3) What the server itself says of a statement comes back by identity, unless it says that we stopped it.
 *
 * @module
 */

import type { Clock, Context, Timer } from '@holdfast/core';

import type { CancelRequest } from './cancel-request.ts';
import { cancelUntilQuiet } from './cancelling.ts';
import { type End, endOf, remainingMsOf, watchEnd } from './context-watch.ts';
import type { SqlCallback, SqlResult } from './pg-client.ts';
import { ConnectionDroppedError, StatementOutcomeUnknownError, isFatal, isRefusal, isStopped } from './sql-error.ts';

/**
 * What becomes of a caller whose statement gets no answer, or whose context ends first.
 *
 * `effect`: it may have an effect: the server's word is waited for, and without one the caller is told just that.
 * `no-effect`: nothing is lost: the caller is told at once.
 */
export type Stakes = 'effect' | 'no-effect';

/** On what terms a statement runs. */
export interface Terms {
  /** It is stopped when the first of these ends. */
  readonly contexts: readonly Context[];
  readonly stakes: Stakes;
  /** Time for its answer, from its turn on; the connection of one that takes longer is dropped. Milliseconds. */
  readonly limitMs?: number;
  /** Whether it tells the server its deadline; in a transaction, the one who began it has. */
  readonly tellsDeadline?: boolean;
}

/** What a statement needs of its connection. */
export interface StatementPlace {
  readonly clock: Clock;
  readonly cancelGraceMs: number;
  /** Why the connection is no more; undefined while it lives. */
  readonly lost: { readonly error: unknown } | undefined;
  /** `remainingMs` is what the server is to be told of the deadline; undefined for nothing. */
  send(statement: object, callback: SqlCallback, remainingMs: number | undefined): void;
  /** Destroys the connection, and tells the statement under way. */
  drop(error: unknown): void;
  noteStopped(): void;
  askToStop(): CancelRequest | undefined;
}

/** One statement. */
export class StatementRun<Row> {
  /** What the caller gets. */
  readonly outcome: Promise<SqlResult<Row>>;
  #state: 'waiting' | 'sent' | 'stopping' | 'over' = 'waiting';
  readonly #place: StatementPlace;
  readonly #statement: object;
  readonly #terms: Terms;
  #unhook = (): void => {};
  readonly #settled: Promise<void>;
  #end: End | undefined;
  #stopping: Promise<void> | undefined;
  #limit: Timer | undefined;
  #resolve!: (result: SqlResult<Row>) => void;
  #reject!: (error: unknown) => void;
  #noteSettled!: () => void;

  constructor(place: StatementPlace, statement: object, terms: Terms) {
    this.#place = place;
    this.#statement = statement;
    this.#terms = terms;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#settled = new Promise((resolve) => {
      this.#noteSettled = resolve;
    });
    this.#unhook = watchEnd(terms.contexts, (end) => this.#hear(end));
  }

  /** Sends it, unless there is no need any more. Resolves when it is over. Never rejects. */
  async start(): Promise<void> {
    if (this.#state === 'over') return;
    const { lost } = this.#place;
    if (lost !== undefined) {
      this.#finish();
      this.#reject(lost.error);
      return;
    }
    this.#state = 'sent';
    this.#send();
    await this.#settled;
    await this.#stopping; // (2)
    this.#finish();
  }

  /** Whether it is under way, may be stopped, and nobody does so. COMMIT may not. */
  get mayBeStopped(): boolean {
    return this.#state === 'sent' && this.#terms.contexts.length > 0;
  }

  /** Tells it that its connection is no more. */
  noteLoss(error: unknown): void {
    if (this.#state !== 'waiting' && this.#state !== 'over') this.#settle(error);
  }

  // --- internal ---

  #send(): void {
    const { limitMs, tellsDeadline, contexts } = this.#terms;
    if (limitMs !== undefined) {
      const tooLate = new ConnectionDroppedError('the server did not answer in time');
      this.#limit = this.#place.clock.setTimer(() => this.#place.drop(tooLate), limitMs);
    }
    try {
      const answer: SqlCallback = (error, result) => this.#answer(error ?? undefined, result);
      this.#place.send(this.#statement, answer, tellsDeadline === true ? remainingMsOf(contexts) : undefined);
    } catch (error) {
      this.#settle(error);
    }
  }

  #hear(end: End): void {
    if (this.#state === 'waiting') {
      this.#finish();
      this.#reject(end.cause);
    } else if (this.#state === 'sent') {
      this.#state = 'stopping';
      this.#end = end;
      if (this.#terms.stakes === 'no-effect') this.#reject(end.cause);
      this.#stopping = this.#stop();
    }
  }

  async #stop(): Promise<void> {
    const { clock, cancelGraceMs: graceMs } = this.#place;
    this.#place.noteStopped();
    const isQuiet = await cancelUntilQuiet({
      clock,
      settled: this.#settled,
      ask: () => this.#place.askToStop(),
      graceMs,
    });
    if (!isQuiet) this.#place.drop(new ConnectionDroppedError('a statement could not be stopped in time'));
  }

  #answer(error: unknown, result: SqlResult<never> | undefined): void {
    const isGivenUp = error instanceof Error && error.message === 'Query read timeout';
    if (isGivenUp || isFatal(error)) this.#place.drop(error); // node-postgres' own `query_timeout` lets the server run on
    this.#settle(error, result);
  }

  #settle(error: unknown, result?: SqlResult<never>): void {
    this.#unhook();
    this.#limit?.cancel();
    this.#noteSettled();
    if (error === undefined) this.#resolve(result as SqlResult<Row>);
    else this.#reject(this.#errorFor(error)); // of several, the first counts: (1)
  }

  #errorFor(error: unknown): unknown {
    const end = this.#end ?? endOf(this.#terms.contexts);
    if (isRefusal(error)) return end !== undefined && isStopped(error) ? end.cause : error; // (3)
    if (this.#place.lost === undefined) return error; // it was not sent at all
    const why = end === undefined ? error : end.cause;
    return this.#terms.stakes === 'effect' ? new StatementOutcomeUnknownError(why) : why;
  }

  #finish(): void {
    this.#state = 'over';
    this.#unhook();
  }
}
