/**
 * HTTP client errors: why a request was not sent, or not followed to where the server pointed.
 *
 * @module
 */

import { RejectionError, ResilienceError, nameErrorClass } from '@holdfast/core';

/** There was too little time left for a request to be of use. Nothing was sent. */
export class NotEnoughTimeError extends RejectionError {
  readonly code = 'NOT_ENOUGH_TIME';
  /** What was left. Milliseconds. */
  readonly remainingMs: number;
  /** What a request needs. Milliseconds. */
  readonly minTimeLeftMs: number;

  constructor(remainingMs: number, minTimeLeftMs: number) {
    super(`a request needs ${minTimeLeftMs} ms, and ${Math.floor(remainingMs)} are left: nothing was sent`);
    this.remainingMs = remainingMs;
    this.minTimeLeftMs = minTimeLeftMs;
  }
}

/** A policy wanted to send a request once more that must not be sent twice. `cause` is what became of it before, if that is known. */
export class RequestNotRepeatableError extends RejectionError {
  readonly code = 'REQUEST_NOT_REPEATABLE';
  /** `method`: it may have been done, and has no idempotency key. `body`: its body is a stream, which is spent. */
  readonly reason: 'method' | 'body';

  constructor(reason: RequestNotRepeatableError['reason'], method: string, cause: unknown) {
    super(
      reason === 'body'
        ? 'the body of the request is a stream, and was used: give a function that makes one'
        : `${method} may have been done, and is not sent again: give it an Idempotency-Key, or say idempotent: true`,
      { cause },
    );
    this.reason = reason;
  }
}

/** The server pointed elsewhere, and that was not followed. */
export class RedirectError extends ResilienceError {
  readonly code = 'REDIRECT_REFUSED';
  /**
   * `forbidden`: by `redirect: 'error'`. `too-many`: more than `maxRedirects`. `body`: the body is a stream, which is spent.
   * `location`: it names no place of HTTP.
   */
  readonly reason: 'forbidden' | 'too-many' | 'body' | 'location';
  /** The status of the answer that pointed elsewhere. */
  readonly status: number;

  constructor(reason: RedirectError['reason'], status: number) {
    super(messages[reason]);
    this.reason = reason;
    this.status = status;
  }
}

// --- internal ---

const messages = {
  forbidden: 'the server redirects, which this call forbids',
  'too-many': 'the server redirects, and that too often',
  body: 'the server wants the body elsewhere, and it is a stream, which is spent: give a function that makes one',
  location: 'the server redirects to no place of HTTP',
} as const satisfies Record<RedirectError['reason'], string>;

nameErrorClass(NotEnoughTimeError, 'NotEnoughTimeError');
nameErrorClass(RequestNotRepeatableError, 'RequestNotRepeatableError');
nameErrorClass(RedirectError, 'RedirectError');
