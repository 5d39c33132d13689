import { describe, expect, it } from 'vitest';

import type { FlushItem, FlushResult } from './ledger.ts';
import { memoryLedger } from './memory-ledger.ts';

const NOW_US = 1_800_000_000_000_000;

function setUp() {
  const ledger = memoryLedger({ serverId: 'first' });
  const asked = { node: 'a', incarnation: '', since: 0, presence: true, nodeTtlMs: 60_000, limit: 100 };
  const { incarnation } = ledger.sync({ ...asked, leaseTtlMs: 1000, nonce: 'n', shards: 1, minor: 1 }, NOW_US);
  return (sequence: number, runs: readonly (readonly [successes: number, failures: number, ageMs: number])[]) => {
    const items = runs.map(([successes, failures, ageMs]) => ({ ...item, successes, failures, ageMs }));
    const sender = { node: 'a', incarnation, ticketUs: NOW_US, fleetSize: 1 };
    return ledger.flush({ ...sender, sequence, items }, NOW_US + 1_000_000).results.map(sumsOf);
  };
}

const item: FlushItem = {
  id: 'api',
  basis: 0,
  successes: 0,
  failures: 0,
  ageMs: 0,
  bucketMs: 100,
  bucketCount: 10,
  minimumCalls: 100,
  failureRatio: 0.5,
  quorum: 1,
  openForMs: 1000,
  openMs: 1000,
  backoffRatio: 1,
  maxOpenMs: 1000,
  fingerprint: '',
};

function sumsOf({ code, successes, failures }: FlushResult): string {
  return `${code} ${successes} ${failures}`;
}

describe('ledger flush', () => {
  it('(1) counts every run of a window that is told at once, and none of them again', () => {
    const flush = setUp();
    const runs = [
      [1, 0, 50],
      [2, 3, 250],
    ] as const;

    expect(flush(1, runs)).toEqual(['counted 1 0', 'counted 3 3']);
    expect(flush(1, runs)).toEqual(['counted 3 3', 'counted 3 3']);
    expect(flush(2, [[0, 1, 0]])).toEqual(['counted 3 4']);
  });
});
