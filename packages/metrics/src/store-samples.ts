/**
 * Store samples: what the metrics of stores are read from.
 *
 * Invariants
 *  (1) Every mode, and of a store of circuits every pair of operation and result, has its series from birth.
 *
 * @module
 */

import type { StoreOperation, StoreResult } from '@holdfast/core';

import type { Sample } from './sample.ts';
import type { StoreReading } from './store-source.ts';

/** From the best to the worst. */
const storeModeNames = ['shared', 'local'] as const;

/** One-hot: whether it is shared. */
export function storeModes({ mode: current }: Pick<StoreReading, 'mode'>): readonly Sample[] {
  if (!storeModeNames.includes(current)) throw new RangeError(`"${current as string}" is no mode of a store`); // (1)
  return storeModeNames.map((mode) => ({ labels: { mode }, value: mode === current ? 1 : 0 }));
}

const circuitOperations = new Set<string>(['sync', 'step', 'flush', 'hold'] satisfies StoreOperation[]);

const circuitRequests: readonly { readonly operation: string; readonly result: StoreResult }[] = [
  ...circuitOperations,
].flatMap((operation) => (['ok', 'error', 'timeout'] as const).map((result) => ({ operation, result })));

const linkRequests = (['ok', 'error'] as const).map((result) => ({ operation: 'request', result }));

/** Requests by operation and result. */
export function storeOperations({ operations }: Pick<StoreReading, 'operations'>): readonly Sample[] {
  const isLink = operations.some(({ operation }) => operation === 'request');
  return (isLink ? linkRequests : circuitRequests).map((labels) => {
    const found = operations.filter(
      ({ operation, result }) => operation === labels.operation && result === labels.result,
    );
    return { labels, value: found.reduce((total, { count }) => total + count, 0) }; // (1)
  });
}
