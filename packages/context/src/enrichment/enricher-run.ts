/**
 * Enricher run: one run of an enricher, waited for as long as it is worth it.
 *
 * Invariants
 *  (1) The promise always resolves: with the value, or with undefined where it failed, took too long, or the context ended.
 *  (2) A run that nobody waits for any more is cancelled, and its end is still taken note of.
 *
 * @module
 */

import type { CancellableContext, Clock, Context } from '@holdfast/core';

/** How a run is waited for, and who is told of it. */
export interface RunTerms {
  readonly clock: Clock;
  /** Milliseconds; Infinity for no limit but the context's. */
  readonly maxWaitMs: number;
  /** Called when it has ended, however it did and however late. */
  readonly onEnd: () => void;
  /** Called when it has not ended in time. */
  readonly onLate: () => void;
  /** Called with what it threw. */
  readonly onFailure: (error: unknown) => void;
}

/** Runs `enrich` and waits for its value. */
export function waitForRun(enrich: (context: Context) => unknown, context: Context, terms: RunTerms): Promise<unknown> {
  const own = context.withCancel();
  let answer: unknown;
  try {
    answer = enrich(own);
    if (isThenable(answer)) return waitForAnswer(Promise.resolve(answer), own, terms);
  } catch (error) {
    own.cancel();
    terms.onEnd();
    terms.onFailure(error);
    return Promise.resolve(undefined); // (1)
  }
  own.cancel();
  terms.onEnd();
  return Promise.resolve(answer);
}

// --- internal ---

function waitForAnswer(answer: Promise<unknown>, own: CancellableContext, terms: RunTerms): Promise<unknown> {
  return new Promise((resolve) => {
    let isWaiting = true;
    const leave = (value: unknown): void => {
      isWaiting = false;
      timer.cancel();
      resolve(value);
      own.cancel(); // (2)
    };
    const timer = terms.clock.setTimer(() => own.cancel(), terms.maxWaitMs);
    own.onCancel(() => {
      if (!isWaiting) return;
      terms.onLate();
      leave(undefined);
    });
    answer
      .then(
        (value) => isWaiting && leave(value),
        (error: unknown) => {
          if (!isWaiting) return; // what it says then is that it was cancelled
          terms.onFailure(error);
          leave(undefined);
        },
      )
      .finally(terms.onEnd);
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
