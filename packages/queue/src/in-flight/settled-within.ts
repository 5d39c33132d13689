/**
 * Settled within: waits for a handler, and for a limited time longer than its context lasts.
 *
 * Invariants
 *  (1) It settles as the handler does, by identity, where that is in time.
 *  (2) It rejects with the cause of the context, `graceMs` after that has ended, where the handler has not settled.
 *  (3) What the handler comes to after that is dropped; no timer and no listener is left behind either way.
 *
 * @module
 */

import type { Clock, Context, Timer } from '@holdfast/core';

/** How long to wait, and who is told of a handler that is waited for no longer. */
export interface SettleParts {
  readonly context: Context;
  readonly clock: Clock;
  readonly graceMs: number;
  readonly onAbandoned: () => void;
}

/** Runs `handle` and waits for it. A handler that throws has rejected. */
export function settledWithin<T>(handle: () => T | PromiseLike<T>, parts: SettleParts): Promise<T> {
  const { context, clock, graceMs, onAbandoned } = parts;
  return new Promise((resolve, reject) => {
    let timer: Timer | undefined = undefined;
    const stop = context.onCancel((cause) => {
      timer = clock.setTimer(() => {
        onAbandoned();
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- (2): by identity, whatever it is
        reject(cause);
      }, graceMs);
    });
    const done = (): void => {
      stop();
      timer?.cancel(); // (3)
    };
    new Promise<T>((begun) => begun(handle())).then(resolve, reject).finally(done); // (1)
  });
}
