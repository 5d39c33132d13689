import { beforeEach, describe, expect, it } from 'vitest';

import type { HoldReply, SyncReply } from './fleet.ts';
import { FleetNode, holdRequest, nodeDefaults } from './fleet.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { type MemoryLedger, memoryLedger } from './memory-ledger.ts';

const START_MS = 1_800_000_000_000;
const wish = { id: 'api', forMs: 5000, owner: 'alice', reason: '' } as const;

let ledger: MemoryLedger;
let node: FleetNode;
let nowMs = START_MS;

/** The node asks the ledger where it stands. */
function sync(): SyncReply {
  const request = node.nextSync(nowMs);
  const reply = ledger.sync(request, nowMs * 1000);
  node.synced(request, reply, nowMs);
  return reply;
}

/** A hold as the node asks for it now: to be executed as often and as late as wanted. */
function asked(state: 'forced-open' | 'auto' = 'forced-open'): () => HoldReply {
  const request = holdRequest(node, { ...wish, state }, nowMs);
  return () => ledger.hold(request, nowMs * 1000);
}

beforeEach(() => {
  nowMs = START_MS;
  ledger = memoryLedger({ serverId: 'first' });
  const settings = { ...nodeDefaults, node: 'a' };
  node = new FleetNode({ settings, random: seededRandom(1), shards: 1, onDisagreement: () => {} });
  sync();
});

describe('a hold', () => {
  it('memory ledger (5): is taken once, however often and however late it is asked for', () => {
    const hold = asked();
    expect(hold()).toMatchObject({ code: 'done', ruling: { state: 'forced-open' } });
    expect(hold()).toMatchObject({ code: 'fenced', ruling: { state: 'forced-open' } });
    sync();
    expect(asked('auto')()).toMatchObject({ code: 'done', ruling: { state: 'open' } });
    expect(hold()).toMatchObject({ code: 'fenced', ruling: { state: 'open' } });
    sync();
    const late = asked();
    nowMs += 15_001;
    expect(late()).toMatchObject({ code: 'stale', ruling: { state: 'open' } });
  });

  it('memory ledger (5): is not taken by a ledger that has forgotten all since, or by another server', () => {
    const holds = [asked(), asked()];
    ledger.flushAll();
    expect(holds[0]?.()).toMatchObject({ code: 'stale', ruling: { state: 'closed', epoch: 0 } });
    sync();
    expect(holds[1]?.()).toMatchObject({ code: 'stale' });
    const last = asked();
    ledger.snapshot()('second');
    expect(last()).toMatchObject({ code: 'stale' });
    sync();
    expect(asked()()).toMatchObject({ code: 'done', ruling: { state: 'forced-open' } });
  });

  it('memory ledger (5): is taken on what the ledger has lost, above all that the node knows', () => {
    const { ruling } = asked()();
    node.heard({ incarnation: node.sync.incarnation, previous: 0, clock: ruling.epoch, rulings: [ruling] }, nowMs);
    ledger.flushAll();
    sync();
    ledger.offsetUs = -1_000_000;
    const again = asked()();
    expect(again.code).toBe('stale'); // told by a clock that has stepped back since
    sync();

    expect(asked()()).toMatchObject({ code: 'done' });
    expect(asked()().ruling.epoch).toBeGreaterThan(ruling.epoch);
  });
});
