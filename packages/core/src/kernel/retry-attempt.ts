/**
 * Retry attempt: what a context tells of the retry that an operation runs under, so that a retry inside it can see that its
 * tries would multiply, and so that the operation can see which try it is.
 *
 * It travels as a value of the context: through pipelines, and through user code that passes its context on. Work under
 * `withoutCancel()` is cut loose from the call, and belongs to no try.
 *
 * Invariants
 *  (1) The mark of a try is in force while another try may follow, and for good once one has followed: only that of the last
 *      try of a call goes out of force, when the call settles.
 *
 * @module
 */

import { type ContextKey, type ContextValues, callKey } from './context-values.ts';
import { type Context, deriveWithValues } from './context.ts';

/** A try of a retry. */
export interface RetryAttempt {
  /** Name of the retry. */
  readonly policy: string;
  /** Number of the try; the first is 1. */
  readonly attempt: number;
}

/** What the context of a try carries for the retries inside it. */
export interface TryMark {
  readonly attempt: RetryAttempt;
  /** Whether the same work was tried before, so that what it calls is no new call. */
  readonly isRepeat: boolean;
  /** Whether the work in the try was or will be repeated where it fails in a way that may pass. */
  readonly isInForce: boolean;
}

/** The mark of one try. It is in force until it is known that no other try follows. */
export class OpenTryMark implements TryMark {
  readonly attempt: RetryAttempt;
  readonly isRepeat: boolean;
  isInForce = true;

  constructor(attempt: RetryAttempt, isRepeat: boolean) {
    this.attempt = attempt;
    this.isRepeat = isRepeat;
  }
}

/**
 * Returns the try that `context` belongs to, of the innermost retry that may try again; undefined outside of any, and for
 * work under `withoutCancel()`.
 */
export function retryAttemptOf(context: Context): RetryAttempt | undefined {
  return context.value(tryMarkKey)?.attempt;
}

/** Returns the mark nearest to `context`, in force or not. */
export function tryMarkOf(context: Context): TryMark | undefined {
  return context.value(tryMarkKey);
}

/** Derives a context that belongs to the try of `mark`. */
export function withTryMark(context: Context, mark: TryMark): Context {
  return context.withValue(tryMarkKey, mark);
}

/** Derives a context that belongs to the try of `mark`, where that is a node of values itself: one object less per call. */
export function underTryMark(context: Context, mark: TryMark & ContextValues): Context {
  return deriveWithValues(context, mark);
}

/** The key of marks, for those that are nodes of values. */
export const tryMarkKey: ContextKey<TryMark> = callKey('retry attempt');
