/**
 * Settled by: waits for something, and no longer than a context lasts.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

/** Settles as `result` does, or with the cause of `context` when that ends first. */
export function settledBy<T>(context: Context, result: T | PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = context.onCancel(reject);
    Promise.resolve(result)
      .then(resolve, reject)
      .finally(() => void stop());
  });
}
