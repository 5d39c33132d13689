import { describe, expect, it } from 'vitest';

import { FleetNode } from './fleet-node.ts';
import { memoryLedger } from './memory-ledger.ts';
import { nodeDefaults } from './node-settings.ts';
import { notingMember } from '../testing/fleet-table.ts';

const EPOCH_MS = 1_800_000_000_000;

/** A node, and what it hears of a ledger whose time goes on as the test says. */
function setUp() {
  const ledger = memoryLedger({ serverId: 'first' });
  const settings = { ...nodeDefaults, node: 'a' };
  const node = new FleetNode({ settings, random: () => 0.5, shards: 1, onDisagreement: () => {} });
  const syncAt = (ledgerMs: number, askedAt: number, now = askedAt): void => {
    const request = node.nextSync(askedAt);
    node.synced(request, ledger.sync(request, (EPOCH_MS + ledgerMs) * 1000), now);
  };
  return { node, syncAt };
}

describe('sync state', () => {
  it('(5) notices with the next sync that the clock of the node has stood still, and drops what was seen and its vote', () => {
    const { node, syncAt } = setUp();
    const member = notingMember();
    const circuit = node.join(member, 0);
    syncAt(0, 0);
    circuit.tripped(member, { openMs: 10_000, reason: 'failureRatio' }, 100);
    expect(circuit.dueAt()).toBe(100);

    syncAt(20_000, 500);

    expect([node.sync.hasStood, circuit.dueAt()]).toEqual([true, Infinity]);
    syncAt(20_600, 1000);
    expect(node.sync.hasStood).toBe(false);
  });

  it('(5) takes neither slow answers nor clocks of other rates for it', () => {
    const { node, syncAt } = setUp();
    syncAt(10, 0, 5000);
    syncAt(5200, 5100, 5100);
    expect(node.sync.hasStood).toBe(false);
    syncAt(15_500, 15_000);
    expect(node.sync.hasStood).toBe(false);
  });
});
