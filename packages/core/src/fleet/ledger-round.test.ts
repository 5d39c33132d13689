import { describe, expect, it } from 'vitest';

import { memoryLedger } from './memory-ledger.ts';
import type { ClaimProposal, Proposal, ReportProposal } from './proposal.ts';

const START_US = 1_800_000_000_000_000;
const reopening = { openMs: 300, backoffRatio: 1, maxOpenMs: 300 };
const round = { maxProbes: 2, neededSuccesses: 2, neededFailures: 1, maxLost: 3, maxPerNode: 1 };

function setUp() {
  const ledger = memoryLedger({ serverId: 'first' });
  let nowUs = START_US;
  let leases = 0;
  const sync = () => {
    const asked = { node: 'a', incarnation: '', since: 0, presence: true, nodeTtlMs: 60_000, limit: 100 };
    return ledger.sync({ ...asked, leaseTtlMs: 1500, nonce: 'n', shards: 1, minor: 1 }, nowUs);
  };
  const ask = (node: string, proposal: Proposal) => {
    const { incarnation, nowUs: ticketUs } = sync();
    return ledger.step({ node, incarnation, ticketUs, fleetSize: 3, proposals: [proposal] }, nowUs).results[0];
  };
  const based = () => ({ id: 'api', basis: sync().rulings[0]?.epoch ?? 0, ...reopening });
  const claim = (node: string) => {
    const wanted = { want: 1, leaseTtlMs: 1500, leaseBase: `${node}${++leases}`, round };
    return ask(node, { kind: 'claim', ...based(), ...wanted } satisfies ClaimProposal);
  };
  const report = (node: string, lease: string, succeeded: boolean) => {
    const told = { lease, succeeded, retryAfterMs: 0, rampMs: 0 };
    return ask(node, { kind: 'report', ...based(), ...told } satisfies ReportProposal);
  };
  const hold = (state: 'forced-open' | 'auto') => {
    const { incarnation, nowUs: ticketUs } = sync();
    const wish = { id: 'api', state, forMs: 1000, owner: 'ada', reason: '', basis: based().basis };
    return ledger.hold({ ...wish, node: 'op', incarnation, ticketUs, fleetSize: 3 }, nowUs);
  };
  sync();
  nowUs += 1_500_000;
  hold('forced-open');
  hold('auto');
  return { claim, report, hold, after: (ms: number) => void (nowUs += ms * 1000) };
}

describe('ledger round', () => {
  it('(1) grants nothing in the next round while leases of the one before may live, however that ended', () => {
    const { claim, report, hold, after } = setUp();
    expect([claim('a'), claim('b')]).toMatchObject([{ code: 'granted' }, { code: 'granted' }]);
    after(500);
    expect(report('a', 'a1.1', false)).toMatchObject({ code: 'done', ruling: { state: 'open', remainingMs: 300 } });
    after(300);
    expect(claim('c')).toMatchObject({ code: 'wait', forMs: 700, why: 'full', ruling: { state: 'open' } });
    hold('forced-open');
    hold('auto');
    after(699);
    expect(claim('c')).toMatchObject({ code: 'wait', forMs: 1, why: 'full' });
    after(1);
    expect(claim('c')).toMatchObject({ code: 'granted', ruling: { state: 'half-open' } });
  });

  it('(1) waits for nobody where all leases have come back', () => {
    const { claim, report, after } = setUp();
    claim('a');
    report('a', 'a1.1', false);
    after(300);
    expect(claim('a')).toMatchObject({ code: 'granted' });
  });
});
