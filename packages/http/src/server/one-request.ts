/**
 * One request: a request from its head to the end of its answer, and the context that lives as long.
 *
 *   begin ──► running ── the answer is complete ─────────────► over: answered
 *                │ ├──── the client has gone ────────────────► over: client-gone
 *                │ └──── the deadline passes, or the server closes: the context ends
 *                │            └── the handler answers, or is answered for after answerGraceMs ─► over: deadline, server-closing
 *                └─ refused: drained, or no time is left ────► answered at once, no handler runs
 *
 * Invariants
 *  (1) A request is over exactly once, and `onEnded` is called then.
 *  (2) The context ends with the request at the latest, and not because of the client unless the client has gone: a body that was
 *      read to its end says nothing.
 *  (3) When a request is over, nothing of it is kept: no timer, no listener, no place in a list.
 *  (4) No hook and no handler makes it throw.
 *
 * @module
 */

import { ambient } from '@holdfast/context';
import {
  type CancellableContext,
  CancelledError,
  callHook,
  type Context,
  reportHookError,
  type Timer,
} from '@holdfast/core';

import { type HttpProblem, problemOf, problemOfCode } from '../problem.ts';
import {
  beforeHead,
  closeConnection,
  type IncomingRequest,
  type OutgoingResponse,
  makeDeaf,
  wasLost,
  writeProblem,
} from './http-message.ts';
import { ClientGoneError, isClientGone, isOfEnd, ServerClosingError, ServerDrainingError } from './request-error.ts';
import { entryOf, requireDerived, type StoreEntry, storeEntry } from './request-store.ts';
import type { RequestEnding, RequestOutcome } from './request-ending.ts';
import type { AnswerProblem, RequestLife } from './request-life.ts';
import type { RequestSettings } from './settings.ts';

/** What a life needs of the outside. */
export interface LifePorts {
  readonly settings: RequestSettings;
  readonly isDraining: boolean;
  /** Whether connections are not kept any more. */
  readonly isQuiet: () => boolean;
  readonly onOver: (outcome: RequestOutcome) => void;
  /** Answers a problem in the framework's own way, instead of on the response. Returns false where another answer is on its way. */
  readonly answer?: AnswerProblem | undefined;
}

/** One request under way. */
export class OneRequest implements RequestLife, StoreEntry {
  context: Context;
  readonly refusal: unknown;
  readonly begunAt: number;
  readonly #leftAtStartMs: number;
  readonly #root: CancellableContext;
  readonly #request: IncomingRequest;
  readonly #response: OutgoingResponse;
  readonly #ports: LifePorts;
  #stopWatching: (() => boolean) | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #error: unknown = undefined;
  #isOver = false;
  #isBroken = false;
  #isAnswered = false;
  #isUnexpected = false;
  #isComplete = false;

  constructor(
    root: CancellableContext,
    message: { request: IncomingRequest; response: OutgoingResponse },
    ports: LifePorts,
  ) {
    const { settings } = ports;
    this.#root = root;
    this.context = root;
    this.#request = message.request;
    this.#response = message.response;
    this.#ports = ports;
    this.begunAt = settings.clock.now();
    this.#leftAtStartMs = Math.max(0, root.remainingMs());
    this.refusal = ports.isDraining ? new ServerDrainingError(settings.name, settings.retryAfterMs) : root.cause; // (a time of nothing, or a parent that has ended)
    storeEntry(message.request, this);
    if (settings.degraded !== undefined) beforeHead(this.#response, () => this.#tellDegraded());
    if (ports.isQuiet()) closeConnection(this.#request, this.#response);
    if (this.refusal === undefined) this.#stopWatching = root.onCancel(() => this.#onEnd());
  }

  get isSettled(): boolean {
    return this.#isOver || this.#isAnswered || this.#response.writableEnded;
  }

  start(run: () => unknown): void {
    if (this.refusal !== undefined) return this.#refuse();
    const { settings } = this.#ports;
    const enriched = settings.enrich === undefined ? undefined : this.#enrich(settings.enrich);
    if (enriched === undefined) return void this.#run(run);
    enriched.then(
      () => this.#runLate(run),
      () => {},
    ); // it never rejects
  }

  problemOf(error: unknown): HttpProblem | undefined {
    const { settings } = this.#ports;
    const isClosed = this.#root.endedBy === 'cancel' && !isClientGone(this.#root.cause);
    return isClosed ? problemOfCode('SERVER_CLOSING', undefined, settings) : problemOf(error, this.#root, settings);
  }

  fail(error: unknown): boolean {
    this.#error ??= error;
    if (this.isSettled) {
      this.#tellLate(error);
      return true;
    }
    const problem = this.problemOf(error);
    if (problem === undefined) return false;
    this.#answer(problem);
    return true;
  }

  breakOff(error: unknown): void {
    if (this.fail(error)) return;
    this.#isUnexpected = true;
    this.#answer(problemOfCode('INTERNAL', undefined, this.#ports.settings));
  }

  settle(): void {
    if (this.#isOver) return; // (1)
    this.#isOver = true;
    const outcome = this.#outcome();
    this.#isComplete = outcome === 'answered';
    this.#stopWatching?.();
    this.#timer?.cancel();
    if (outcome === 'client-gone') this.#root.cancel(new ClientGoneError(this.#ports.settings.name));
    else this.#root.cancel(isOverError); // (2)
    this.#ports.onOver(outcome);
    this.#tellEnded(outcome);
  }

  /** Ends the context because the server closes, if that is not over. */
  cancel(): void {
    if (!this.#isOver) this.#root.cancel(new ServerClosingError(this.#ports.settings.name));
  }

  /** Has the answer tell that its connection is not kept. */
  letGo(): void {
    closeConnection(this.#request, this.#response);
  }

  // --- internal ---

  #outcome(): RequestOutcome {
    if (this.refusal !== undefined) return 'refused';
    if (this.#root.endedBy === 'deadline') return 'deadline';
    if (this.#root.endedBy === 'cancel') return isClientGone(this.#root.cause) ? 'client-gone' : 'server-closing';
    if (wasLost(this.#request)) return 'client-gone';
    if (this.#isBroken || isSet(this.#response.errored)) return 'failed';
    return this.#response.writableEnded ? 'answered' : 'client-gone';
  }

  #refuse(): void {
    if (this.#ports.isDraining) closeConnection(this.#request, this.#response);
    this.#answer(this.problemOf(this.refusal) ?? problemOfCode('SERVER_CLOSING', undefined, this.#ports.settings));
  }

  #run(run: () => unknown): unknown {
    return this.#ports.settings.ambient ? ambient.run(this.context, run) : run();
  }

  #runLate(run: () => unknown): void {
    if (this.#isOver) return;
    if (this.#root.cancelled) return void this.fail(this.#root.cause);
    try {
      this.#run(run);
    } catch (error) {
      this.breakOff(error);
    }
  }

  /** Adds values; undefined where that was done at once. */
  #enrich(enrich: NonNullable<RequestSettings['enrich']>): Promise<void> | undefined {
    const take = (derived: Context): void => {
      requireDerived(this.context, derived);
      this.context = derived;
    };
    const report = (error: unknown): void => {
      if (!this.#root.cancelled) reportHookError('enrich', error, this.#ports.settings.name); // (4)
    };
    try {
      const given = enrich(this.context, this.#request);
      if (isPromise(given)) return Promise.resolve(given).then(take).catch(report);
      take(given);
    } catch (error) {
      report(error);
    }
    return undefined;
  }

  /** The context has ended while the request was under way. */
  #onEnd(): void {
    const { settings } = this.#ports;
    if (this.#isOver || settings.answerGraceMs === Infinity) return;
    this.#timer = settings.clock.setTimer(() => this.#answerLate(), settings.answerGraceMs);
  }

  #answerLate(): void {
    if (this.isSettled || this.#response.headersSent) return;
    const problem = this.problemOf(this.#root.cause);
    if (problem === undefined) return;
    this.#answer(problem);
    if (this.#ports.answer === undefined) makeDeaf(this.#response);
    else this.#response.once('close', () => makeDeaf(this.#response)); // until then the framework writes on it
  }

  #answer(problem: HttpProblem): void {
    if (this.isSettled || isClientGone(this.#root.cause)) return;
    this.#isAnswered = true;
    try {
      if (this.#response.headersSent) this.#break();
      else if (this.#ports.answer === undefined) writeProblem(this.#request, this.#response, problem);
      else this.#isAnswered = this.#ports.answer(problem) !== false;
    } catch (error) {
      reportHookError('answer', error, this.#ports.settings.name); // (4)
      this.#break();
    }
  }

  /** So that nobody takes half an answer for a whole one. */
  #break(): void {
    this.#isBroken = true;
    this.#response.destroy?.();
  }

  /** Of what a handler throws after its answer: told where it cannot come of the end of the context, and no one else hears of it. */
  #tellLate(error: unknown): void {
    const { name, onEnded } = this.#ports.settings;
    const isAnswered = this.#isOver ? this.#isComplete : !this.#root.cancelled;
    if (!isAnswered || error === this.#root.cause || isOfEnd(error)) return;
    if (this.#isOver || onEnded === undefined) reportHookError('handler', error, name);
  }

  #tellDegraded(): void {
    const { settings } = this.#ports;
    try {
      const text = settings.degraded?.headerOf(this.context);
      if (text !== undefined) this.#response.setHeader('degraded', text);
    } catch (error) {
      reportHookError('degraded', error, settings.name); // (4)
    }
  }

  #tellEnded(outcome: RequestOutcome): void {
    const { settings } = this.#ports;
    const error = this.#error;
    const ending: RequestEnding = {
      outcome,
      status: outcome !== 'client-gone' && this.#response.headersSent ? this.#response.statusCode : 499,
      durationMs: settings.clock.now() - this.begunAt,
      leftAtStartMs: this.#leftAtStartMs,
      error,
      context: this.context,
    };
    if (settings.onEnded !== undefined)
      callHook('onEnded', settings.name, () => settings.onEnded?.(ending, this.#request));
    else if (this.#isUnexpected) reportHookError('handler', error, settings.name); // nobody else would see it
  }
}

/** Returns the life of a request, or of what a framework has made of it; undefined where it was not begun here. */
export function lifeOf(request: unknown): RequestLife | undefined {
  const entry = entryOf(request);
  return entry instanceof OneRequest ? entry : undefined;
}

// --- internal ---

/** Why the contexts of requests that are over have ended: one for all, since its stack tells nothing. */
const isOverError = new CancelledError('the request is over');

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isPromise(value: unknown): value is PromiseLike<Context> {
  return typeof (value as { readonly then?: unknown } | undefined)?.then === 'function';
}
