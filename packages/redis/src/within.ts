/**
 * Within: a promise of the client, awaited for so long and no longer.
 *
 * Invariants
 *  (1) It settles at the latest when the time is over, and one turn of the event loop later where the clock can defer: what
 *      arrived while the process was busy is looked at first.
 *  (2) No timer is left once it has settled, and none keeps the process alive.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import { StoreUnavailableError } from './lua-script.ts';

/** How long to wait, by which clock, and for what. */
export interface Patience {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** What is awaited, for the error. */
  readonly what: string;
}

/**
 * Returns what `ask` promises.
 *
 * @throws StoreUnavailableError with the trouble `timeout`, when that takes longer than `timeoutMs`.
 */
export function within<T>({ clock, timeoutMs, what }: Patience, ask: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void =>
      reject(new StoreUnavailableError(`${what}: no reply within ${timeoutMs} ms`, { trouble: 'timeout' }));
    const timer = clock.setTimer(() => (clock.defer === undefined ? giveUp() : clock.defer(giveUp)), timeoutMs); // (1)
    timer.unref(); // (2)
    void promised(ask)
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

// --- internal ---

/** What is thrown rejects. */
async function promised<T>(ask: () => Promise<T>): Promise<T> {
  return ask();
}
