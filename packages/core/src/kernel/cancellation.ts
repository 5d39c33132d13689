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

/** Stands for a {@link CancelledError} that is made when somebody asks for it: most cancels have nobody who does. */
export const PLAIN_CANCEL: unique symbol = Symbol('plain cancel');

/** Whether `error` is a cancellation of ours, of this copy of the library or another. Never throws. */
export function isCancelled(error: unknown): error is CancelledError {
  return isResilienceError(error) && fieldOf(error, 'code') === 'CANCELLED';
}

/**
 * Makes the error by which a policy ends a run whose outcome it does not want any more, because that of another one has come.
 * Such an end says nothing about the dependency, whoever judges: see {@link isSuperseded}.
 */
export function supersededBy(policy: string, message: string): CancelledError {
  return Object.defineProperty(new CancelledError(message, { policy }), SUPERSEDED_BRAND, { value: true });
}

/** Whether `error` ended a run that another one of the same call made superfluous. Never throws. */
export function isSuperseded(error: unknown): boolean {
  return isCancelled(error) && fieldOf(error, SUPERSEDED_BRAND) === true;
}

/** Whether `error` says that time ran out: a deadline error of ours, or the platform's `TimeoutError`. Never throws. */
export function isTimeout(error: unknown): boolean {
  return fieldOf(error, 'name') === 'TimeoutError';
}

// --- internal ---

const SUPERSEDED_BRAND = Symbol.for('@holdfast/superseded');

nameErrorClass(CancelledError, 'AbortError');
nameErrorClass(DeadlineExceededError, 'TimeoutError');

/** Reads what was thrown; undefined where it cannot be read. */
function fieldOf(error: unknown, field: string | symbol): unknown {
  try {
    return typeof error === 'object' && error !== null ? (error as Record<PropertyKey, unknown>)[field] : undefined;
  } catch {
    return undefined;
  }
}
