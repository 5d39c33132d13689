/**
 * Downstream: something to call that counts its calls, and how a call is watched while it runs.
 *
 * @module
 */

import type { Clock, Context } from '@holdfast/core';

/** How a call stands. */
export type Standing =
  | { readonly status: 'pending' }
  | { readonly status: 'fulfilled'; readonly value: unknown }
  | { readonly status: 'rejected'; readonly error: unknown };

/** Watches a call without waiting for it. */
export function observe(call: Promise<unknown>): () => Standing {
  let standing: Standing = { status: 'pending' };
  call.then(
    (value) => (standing = { status: 'fulfilled', value }),
    (error: unknown) => (standing = { status: 'rejected', error }),
  );
  return () => standing;
}

/** A dependency that counts. Its methods are operations. */
export class Downstream {
  /** Calls that reached it. */
  calls = 0;
  /** Calls under way, and the most there were at once. */
  running = 0;
  maxRunning = 0;
  lastError: Error | undefined = undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly fail = (): never => {
    this.calls++;
    this.lastError = new Error(`call ${this.calls} failed`);
    throw this.lastError;
  };

  readonly succeed = (): string => {
    this.calls++;
    return 'value';
  };

  readonly hang = (): Promise<never> => {
    this.calls++;
    return new Promise<never>(() => {});
  };

  /** An operation that answers after `ms` and stops when its context ends. */
  slow(ms: number): (context: Context) => Promise<string> {
    return (context) => {
      this.calls++;
      this.running++;
      this.maxRunning = Math.max(this.maxRunning, this.running);
      return new Promise((resolve, reject) => {
        const timer = this.#clock.setTimer(() => {
          this.running--;
          resolve('value');
        }, ms);
        context.onCancel((cause) => {
          timer.cancel();
          this.running--;
          reject(cause);
        });
      });
    };
  }
}
