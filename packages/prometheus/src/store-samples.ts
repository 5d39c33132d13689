/**
 * Store samples: what the metrics of a store of circuits are read from.
 *
 * Invariants
 *  (1) Every mode, and every pair of operation and result, has its series from birth.
 *
 * @module
 */

import type { StoreHealth, StoreOperation, StoreResult } from '@holdfast/core';

import type { Sample } from './sample.ts';

/** From the best to the worst. */
const storeModeNames = ['shared', 'local'] as const;

/** One-hot: whether circuits are shared. */
export function storeModes({ mode: current }: StoreHealth): readonly Sample[] {
  if (!storeModeNames.includes(current)) throw new RangeError(`"${current as string}" is no mode of a store`); // (1)
  return storeModeNames.map((mode) => ({ labels: { mode }, value: mode === current ? 1 : 0 }));
}

const storeRequests: readonly { readonly operation: StoreOperation; readonly result: StoreResult }[] = (
  ['sync', 'step', 'flush', 'hold'] as const
).flatMap((operation) => (['ok', 'error', 'timeout'] as const).map((result) => ({ operation, result })));

/** Requests by operation and result. */
export function storeOperations({ operations }: StoreHealth): readonly Sample[] {
  return storeRequests.map((labels) => {
    const found = operations.filter(
      ({ operation, result }) => operation === labels.operation && result === labels.result,
    );
    return { labels, value: found.reduce((total, { count }) => total + count, 0) }; // (1)
  });
}
