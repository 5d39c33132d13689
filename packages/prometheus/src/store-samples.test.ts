import type { StoreHealth } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { storeModes, storeOperations } from './store-samples.ts';

const health: StoreHealth = {
  name: 'shop',
  mode: 'shared',
  operations: [
    { operation: 'sync', result: 'ok', count: 3 },
    { operation: 'sync', result: 'timeout', count: 1 },
  ],
  latency: { sumMs: 4, count: 3 },
  silentMs: 10,
  nodes: 8,
  problem: undefined,
};

describe('samples of a store', () => {
  it('(1) exactly one of two modes is 1', () => {
    expect(storeModes(health)).toEqual([
      { labels: { mode: 'shared' }, value: 1 },
      { labels: { mode: 'local' }, value: 0 },
    ]);
  });

  it('(1) refuses a mode that no store has', () => {
    expect(() => storeModes({ ...health, mode: 'lost' as never })).toThrow('"lost" is no mode of a store');
  });

  it('(1) charter M13: every operation has its three results from birth', () => {
    const samples = storeOperations(health);

    expect(samples).toHaveLength(12);
    expect(samples.filter(({ value }) => value > 0)).toEqual([
      { labels: { operation: 'sync', result: 'ok' }, value: 3 },
      { labels: { operation: 'sync', result: 'timeout' }, value: 1 },
    ]);
  });
});
