/**
 * Retry attempt: what a context tells of the retry that an operation runs under, so that a retry inside it can see that its
 * tries would multiply, and so that the operation can see which try it is.
 *
 * It travels as a value of the context: through pipelines, and through user code that passes its context on.
 *
 * @module
 */

import { type Context, type ContextKey, contextKey } from './context.ts';

/** A try of a retry. */
export interface RetryAttempt {
  /** Name of the retry. */
  readonly policy: string;
  /** Number of the try; the first is 1. */
  readonly attempt: number;
}

/** Returns the try that `context` belongs to, of the innermost retry that may try again; undefined outside of any. */
export function retryAttemptOf(context: Context): RetryAttempt | undefined {
  return context.value(key);
}

/** Derives the context of a try. */
export function withRetryAttempt(context: Context, attempt: RetryAttempt): Context {
  return context.withValue(key, attempt);
}

// --- internal ---

const key: ContextKey<RetryAttempt> = contextKey('retry attempt');
