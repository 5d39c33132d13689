/**
 * HTTP call: one call of a client, and all the requests that its policies make of it. Of the answers one goes to the caller;
 * all others are thrown away, so that no connection is held for what nobody reads.
 *
 *   call ─► policy ─► try 1 ─ 503 ──────────────► discarded when the next try starts
 *             │  └──► try 2 ─ copy a ─ slow ────► aborted: its context ended
 *             │          └─── copy b ─ answer ──► the caller's, tied to the caller's context until its body ends
 *             └─ settled
 *
 * Invariants
 *  (1) A request is tied to the context of its try until the call has settled, and its body to the caller's after that.
 *  (2) When the call has settled, every answer but the one that it settled with is discarded, also one that comes later.
 *  (3) A request that may have been done, and must not be done twice, is not sent again, whatever the policy wants; nor is a body
 *      that is spent.
 *  (4) Nothing is sent under a context that has ended, or with less than `minTimeLeftMs` left.
 *  (5) What ended because its context did fails with that context's cause, by identity.
 *
 * @module
 */

import { CancelledError, type Context, type Policy, noop, retryAttemptOf } from '@holdfast/core';

import { ContextTie } from './context-tie.ts';
import { NotEnoughTimeError, RequestNotRepeatableError } from './http-client-error.ts';
import { wasSurelyUnsent } from './http-failures.ts';
import { type HttpRequest, withHttpRequest } from './http-request.ts';

/** What is to be sent, as far as the call must know. */
export type RequestFacts = Omit<HttpRequest, 'mayBeSent'>;

/** One request under way. */
export interface Exchange {
  /** The context of the try: what the server is told, and what ends it. */
  readonly context: Context;
  /** Aborts it; to be released when the body of the answer has ended. */
  readonly tie: ContextTie;
  /** To be called when a server has answered while the request goes on elsewhere: from here on it may have been done. */
  hasArrived(): void;
}

/** What a client does for a call. */
export interface HttpCallParts<R> {
  /** The caller's, with all that may end the call. */
  readonly context: Context;
  readonly request: RequestFacts;
  readonly policy: Policy<unknown> | undefined;
  readonly minTimeLeftMs: number;
  /** Sends the request, and returns the answer when its head is there. */
  send(exchange: Exchange): Promise<R>;
  /** The answer that an error carries, where the client makes errors of answers. */
  responseIn?(error: unknown): R | undefined;
  /** Throws an answer away, so that its connection is free. Must not throw. */
  discard(response: R): void;
}

/** Makes a call. */
export async function runHttpCall<R>(parts: HttpCallParts<R>): Promise<R> {
  const call = new HttpCall(parts);
  const { policy = plain, context } = parts;
  try {
    const answer = (await policy.execute((own) => call.send(own), withHttpRequest(context, call))) as R;
    call.settle(answer);
    return answer;
  } catch (error) {
    call.settle(error);
    throw error;
  }
}

// --- internal ---

/** Ends a call with its context, also where the client does not. */
const plain: Policy = noop();

/** A request that was answered, or may yet be. */
interface Sent<R> {
  readonly tie: ContextTie;
  /** Number of the try of a retry that it belongs to. */
  readonly attempt: number;
  /** What it came to: an answer, or an error that carries one. */
  outcome: unknown;
  response: R | undefined;
}

class HttpCall<R> implements HttpRequest {
  private readonly parts: HttpCallParts<R>;
  private readonly sent: Set<Sent<R>> = new Set();
  private runningCount = 0;
  private startedCount = 0;
  /** Whether a server may have done what was asked. */
  private mayBeDone = false;
  private isSettled = false;
  private lastError: unknown = undefined;

  constructor(parts: HttpCallParts<R>) {
    this.parts = parts;
  }

  get method(): string {
    return this.parts.request.method;
  }

  get origin(): string {
    return this.parts.request.origin;
  }

  get url(): string {
    return this.parts.request.url;
  }

  get isIdempotent(): boolean {
    return this.parts.request.isIdempotent;
  }

  get hasOneShotBody(): boolean {
    return this.parts.request.hasOneShotBody;
  }

  get mayBeSent(): boolean {
    return this.obstacle() === undefined;
  }

  /** Sends the request: the operation that the policy runs. */
  async send(context: Context): Promise<R> {
    context.throwIfCancelled(); // (4)
    const obstacle = this.obstacle();
    if (obstacle !== undefined) throw new RequestNotRepeatableError(obstacle, this.method, this.lastError); // (3)
    const { minTimeLeftMs } = this.parts;
    const remainingMs = context.remainingMs();
    if (remainingMs < minTimeLeftMs) throw new NotEnoughTimeError(remainingMs, minTimeLeftMs); // (4)

    const attempt = retryAttemptOf(context)?.attempt ?? 1;
    const sent: Sent<R> = { tie: new ContextTie(), attempt, outcome: undefined, response: undefined };
    this.discardTriesBefore(attempt);
    this.sent.add(sent);
    sent.tie.tieTo(context); // (1)
    return this.awaitAnswer(sent, context);
  }

  /** The policy has come to an end: with an answer, which may be one of ours, or with an error. */
  settle(outcome: unknown): void {
    this.isSettled = true;
    for (const sent of this.sent) {
      if (sent.response === undefined) sent.tie.abort(new CancelledError('the call has its answer'));
      else if (sent.outcome === outcome) sent.tie.tieTo(this.parts.context); // (1)
      else this.discard(sent); // (2)
    }
    this.sent.clear();
  }

  private async awaitAnswer(sent: Sent<R>, context: Context): Promise<R> {
    const { parts } = this;
    this.startedCount++;
    this.runningCount++;
    try {
      const hasArrived = (): void => {
        this.mayBeDone = true;
      };
      const response = await parts.send({ context, tie: sent.tie, hasArrived });
      this.mayBeDone = true;
      this.take(sent, response, response);
      return response;
    } catch (error) {
      this.lastError = error;
      if (!wasSurelyUnsent(error)) this.mayBeDone = true;
      this.take(sent, error, parts.responseIn?.(error));
      throw context.cancelled ? context.cause : error; // (5)
    } finally {
      this.runningCount--;
    }
  }

  private take(sent: Sent<R>, outcome: unknown, response: R | undefined): void {
    sent.outcome = outcome;
    sent.response = response;
    if (response !== undefined && !this.isSettled) return;
    this.sent.delete(sent);
    this.discard(sent); // (2)
  }

  /** Why the request must not be sent now. */
  private obstacle(): RequestNotRepeatableError['reason'] | undefined {
    const { hasOneShotBody, isIdempotent: mayBeDoneTwice } = this.parts.request;
    if (this.startedCount > 0 && hasOneShotBody) return 'body';
    if (!mayBeDoneTwice && (this.mayBeDone || this.runningCount > 0)) return 'method';
    return undefined;
  }

  /** What an earlier try of a retry came to is of no use any more; copies of a hedge belong to the same try. */
  private discardTriesBefore(attempt: number): void {
    for (const sent of this.sent) {
      if (sent.attempt >= attempt || sent.response === undefined) continue;
      this.sent.delete(sent);
      this.discard(sent);
    }
  }

  private discard({ tie, response }: Sent<R>): void {
    if (response !== undefined && !tie.isReleased) this.parts.discard(response);
    tie.release();
  }
}
