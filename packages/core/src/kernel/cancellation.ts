/**
 * Cancellation: the two errors by which a context says why it ended.
 *
 * @module
 */

import { isResilienceError, ResilienceError, type ResilienceErrorDetails, nameErrorClass } from './errors.ts';

/** A context was cancelled. Its `name` is `AbortError`, as the platform's is. */
export class CancelledError extends ResilienceError {
  readonly code = 'CANCELLED';

  constructor(message = 'the context was cancelled', details: ResilienceErrorDetails = {}) {
    super(message, details);
  }
}

/** A context's deadline passed. Its `name` is `TimeoutError`, as the platform's is. */
export class DeadlineExceededError extends ResilienceError {
  readonly code: string = 'DEADLINE_EXCEEDED';

  constructor(message = 'the deadline of the context passed', details: ResilienceErrorDetails = {}) {
    super(message, details);
  }
}

/** Whether `error` is a cancellation of ours, of this copy of the library or another. Never throws. */
export function isCancelled(error: unknown): error is CancelledError {
  return isResilienceError(error) && error.code === 'CANCELLED';
}

/** Whether `error` says that time ran out: a deadline error of ours, or the platform's `TimeoutError`. Never throws. */
export function isTimeout(error: unknown): boolean {
  return nameOf(error) === 'TimeoutError';
}

// --- internal ---

nameErrorClass(CancelledError, 'AbortError');
nameErrorClass(DeadlineExceededError, 'TimeoutError');

function nameOf(error: unknown): unknown {
  try {
    return typeof error === 'object' && error !== null ? (error as { name?: unknown }).name : undefined;
  } catch {
    return undefined;
  }
}
