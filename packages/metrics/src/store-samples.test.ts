import { describe, expect, it } from 'vitest';

import { storeModes, storeOperations } from './store-samples.ts';
import { readStore } from './store-source.ts';

const health = {
  mode: 'shared' as const,
  operations: [
    { operation: 'sync', result: 'ok', count: 3 },
    { operation: 'sync', result: 'timeout', count: 1 },
  ],
  latency: { sumMs: 4, count: 3 },
  silentMs: Infinity,
  nodes: 8,
};

describe('samples of a store', () => {
  it('(1) exactly one of two modes is 1', () => {
    expect(storeModes(health)).toEqual([
      { labels: { mode: 'shared' }, value: 1 },
      { labels: { mode: 'local' }, value: 0 },
    ]);
  });

  it('(1) refuses a mode that no store has', () => {
    expect(() => storeModes({ mode: 'lost' as never })).toThrow('"lost" is no mode of a store');
  });

  it('(1) charter M13: every operation of a store of circuits has its three results from birth', () => {
    const samples = storeOperations(health);

    expect(samples).toHaveLength(12);
    expect(samples.filter(({ value }) => value > 0)).toEqual([
      { labels: { operation: 'sync', result: 'ok' }, value: 3 },
      { labels: { operation: 'sync', result: 'timeout' }, value: 1 },
    ]);
  });

  it('reads a store of circuits', () => {
    expect(readStore(health)).toEqual({
      mode: 'shared',
      operations: health.operations,
      latencySumMs: 4,
      lastLatencyMs: undefined,
      silentMs: undefined,
      nodes: 8,
    });
  });

  it.each([
    ['ready', 'shared'],
    ['reconnecting', 'local'],
    ['closed', 'local'],
  ] as const)('(1) a link that is %s counts as %s, with its requests by how they ended', (status, mode) => {
    const reading = readStore({ status, answered: 7, failed: 2, latencyMs: 3 });

    expect(reading).toMatchObject({ mode, lastLatencyMs: 3 });
    expect(storeOperations(reading).map(({ labels, value }) => [labels['result'], value])).toEqual([
      ['ok', 7],
      ['error', 2],
    ]);
  });
});
