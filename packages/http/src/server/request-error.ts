/**
 * Request errors: why the context of a request has ended, and why a request was not begun.
 *
 * That its deadline has passed is told by a `DeadlineExceededError`, as everywhere.
 *
 * @module
 */

import {
  CancelledError,
  isCancelled,
  isRejection,
  isTimeout,
  nameErrorClass,
  RejectionError,
  ResilienceError,
} from '@holdfast/core';

/** Whoever has asked is gone: the connection, or the stream of HTTP/2, was closed before the answer was complete. */
export class ClientGoneError extends CancelledError {
  readonly reason = 'client-gone';

  constructor(policy: string, cause?: unknown) {
    super('the client has gone before it was answered', { policy, cause });
  }
}

/** The server closes, and the time for requests that were under way is over. */
export class ServerClosingError extends CancelledError {
  readonly reason = 'server-closing';

  constructor(policy: string) {
    super('the server is closing', { policy });
  }
}

/** The server drains and begins no request any more. Nothing was run. */
export class ServerDrainingError extends RejectionError {
  readonly code = 'SERVER_DRAINING';

  constructor(policy: string, retryAfterMs: number) {
    super(`${policy} is being drained and takes no new requests`, { policy, retryAfterMs });
  }
}

/** The work of a request needs its context, and there is none: nothing has made one, or it got lost on the way. */
export class MissingRequestContextError extends ResilienceError {
  readonly code = 'MISSING_REQUEST_CONTEXT';

  constructor(why: string) {
    super(`the request has no context: ${why}`);
  }
}

/** A stream has stood still for too long: nothing was given to it, or the client took nothing. */
export class StreamIdleError extends CancelledError {
  readonly reason = 'stream-idle';
  /** The limit that was passed. */
  readonly idleMs: number;

  constructor(idleMs: number) {
    super(`nothing went through the stream for ${idleMs} ms`);
    this.idleMs = idleMs;
  }
}

/** A stream has lasted as long as it may. */
export class StreamTotalError extends CancelledError {
  readonly reason = 'stream-total';
  /** The limit that was passed. */
  readonly totalMs: number;

  constructor(totalMs: number) {
    super(`the stream has lasted for ${totalMs} ms`);
    this.totalMs = totalMs;
  }
}

/** Whether `error` says that the client has gone. Never throws. */
export function isClientGone(error: unknown): error is ClientGoneError {
  return hasReason(error, 'client-gone');
}

/** Whether `error` says that the server is closing. Never throws. */
export function isServerClosing(error: unknown): error is ServerClosingError {
  return hasReason(error, 'server-closing');
}

/** Whether `error` is one by which work ends when it is cancelled, late or refused: ours or the platform's. Never throws. */
export function isOfEnd(error: unknown): boolean {
  return isCancelled(error) || isTimeout(error) || isRejection(error) || isAbort(error);
}

// --- internal ---

function isAbort(error: unknown): boolean {
  try {
    return (error as { readonly name?: unknown } | null | undefined)?.name === 'AbortError';
  } catch {
    return false; // a hostile getter
  }
}

nameErrorClass(ServerDrainingError, 'ServerDrainingError');
nameErrorClass(MissingRequestContextError, 'MissingRequestContextError');

function hasReason(error: unknown, reason: string): boolean {
  try {
    return isCancelled(error) && (error as { readonly reason?: unknown }).reason === reason;
  } catch {
    return false; // a hostile getter
  }
}
