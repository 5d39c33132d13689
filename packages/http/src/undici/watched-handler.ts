/**
 * Watched handler: stands before the handler of a request of undici, and ends the request with its tie.
 *
 * Invariants
 *  (1) The handler hears of an error or of the end once, and of nothing after it.
 *  (2) A request that ended before it had a connection is aborted when it gets one: nothing of it is sent.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { ContextTie } from '../client/context-tie.ts';
import type { UndiciController, UndiciHandler } from './undici-client.ts';

/** The handler of one dispatch. */
export class WatchedHandler implements UndiciHandler {
  private readonly handler: UndiciHandler;
  private readonly tie: ContextTie;
  /** Whether the tie is of more requests than this: the tries and redirects of a call. */
  private readonly isTieShared: boolean;
  private readonly onAbort = (cause: unknown): void => this.abort(cause);
  private controller: UndiciController | undefined = undefined;
  private isOver = false;
  /** Whether the handler is being told of the end. */
  private isEnding = false;
  private cause: unknown = undefined;

  constructor(handler: UndiciHandler, tie: ContextTie, isTieShared: boolean) {
    this.handler = handler;
    this.tie = tie;
    this.isTieShared = isTieShared;
  }

  /** Has the request end with `context`. */
  watch(context: Context): void {
    this.tie.onAbort(this.onAbort);
    this.tie.tieTo(context);
  }

  /** The request is not made at all. Returns what `dispatch` does: that more may be dispatched. */
  fail(cause: unknown): boolean {
    this.end(cause, unsent(cause));
    return true;
  }

  onRequestStart(controller: UndiciController, context: unknown): void {
    this.controller = controller;
    if (this.isOver) controller.abort(this.cause as Error); // (2)
    else this.handler.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(controller: UndiciController, statusCode: number, headers: object, socket: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.tie.release(); // from here on it is no request any more
    this.handler.onRequestUpgrade?.(controller, statusCode, headers, socket);
  }

  onResponseStart(controller: UndiciController, statusCode: number, headers: object, statusMessage?: string): void {
    if (!this.isOver) this.handler.onResponseStart?.(controller, statusCode, headers, statusMessage);
  }

  onResponseData(controller: UndiciController, chunk: unknown): void {
    if (!this.isOver) this.handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: UndiciController, trailers: object): void {
    if (this.isOver) return; // (1)
    this.isEnding = true;
    try {
      this.handler.onResponseEnd?.(controller, trailers); // it may follow a redirect, under the same tie
    } catch (error) {
      this.isEnding = false;
      throw error; // undici tells us of it as an error of the request: so a retry of its own asks for another try
    }
    this.isOver = true;
    if (!this.isTieShared || this.tie.isHeardBy(this.onAbort)) this.tie.release();
  }

  onResponseError(controller: UndiciController, error: Error): void {
    this.end(error, controller);
  }

  onResponseStarted(): void {
    this.handler.onResponseStarted?.();
  }

  onBodySent(chunkSize: number, totalBytesSent: number): void {
    this.handler.onBodySent?.(chunkSize, totalBytesSent);
  }

  private abort(cause: unknown): void {
    const { controller } = this;
    if (this.isOver || this.isEnding) return;
    if (controller !== undefined) controller.abort(cause as Error); // it tells us, and we the handler
    this.end(cause, controller ?? unsent(cause));
  }

  private end(cause: unknown, controller: UndiciController): void {
    if (this.isOver) return; // (1)
    this.isOver = true;
    this.cause = cause;
    if (!this.isTieShared) this.tie.release(); // else another try may follow, and the call releases it
    this.handler.onResponseError?.(controller, cause as Error);
  }
}

// --- internal ---

/** The controller of a request that was never sent. */
function unsent(reason: unknown): UndiciController {
  return {
    aborted: true,
    paused: false,
    reason: reason as Error,
    abort: () => {},
    pause: () => {},
    resume: () => {},
  };
}
