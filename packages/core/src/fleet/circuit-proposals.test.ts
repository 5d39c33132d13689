import { describe, expect, it } from 'vitest';

import { memberRules, nodeViewOf, notingMember, rulingOf } from '../testing/fleet-table.ts';
import { leaseMs, localCloseOf, longestLeaseMs, proposalsOf, reopenRules } from './circuit-proposals.ts';
import { NodeCircuit } from './node-circuit.ts';

const T0 = 1_000_000;
const reopen = { openMs: 1000, backoffRatio: 2, maxOpenMs: 8000 };

function circuitOf(rules: Parameters<typeof notingMember>[1] = {}, given: Parameters<typeof nodeViewOf>[0] = {}) {
  const view = nodeViewOf({ heardAt: T0, randomly: 0, ...given });
  const circuit = new NodeCircuit('prices', view, T0);
  const member = notingMember('prices', rules);
  circuit.join(member, T0);
  return { circuit, member, view };
}

const kinds = (circuit: NodeCircuit, now: number) => proposalsOf(circuit, now).map(({ kind }) => kind);

describe('circuit proposals', () => {
  it('(1) has nothing to propose where nothing is due', () => {
    const { circuit } = circuitOf();
    expect(proposalsOf(circuit, T0)).toEqual([]);
    circuit.adopt(rulingOf({ epoch: 2, state: 'open', remainingMs: 100 }), T0);
    circuit.noteDemand(T0);

    expect([kinds(circuit, T0 + 99), kinds(circuit, T0 + 100)]).toEqual([[], ['claim']]);
  });

  it('(1) votes when the ballot is due, with evidence no older than the window, and as long as it is open by itself', () => {
    const { circuit, member } = circuitOf({}, { fleetSize: 5 });
    circuit.adopt(rulingOf({ epoch: 2, state: 'closed' }), T0);
    circuit.tripped(member, { openMs: 500, reason: 'slowRatio' }, T0 + 40);
    circuit.ballotDueAt = T0 + 60;
    expect(kinds(circuit, T0 + 59)).toEqual([]);

    expect(proposalsOf(circuit, T0 + 60)).toEqual([
      {
        kind: 'trip',
        id: 'prices',
        basis: 2,
        ...reopen,
        openForMs: 500,
        evidenceAgeMs: 60,
        maxEvidenceMs: 10_000 + 20 + 1000,
        quorum: 2,
        ballotTtlMs: 9000,
        why: 'slowRatio',
        fingerprint: 'f1',
      },
    ]);
    expect(kinds(circuit, T0 + 539)).toEqual(['trip']);
    expect([kinds(circuit, T0 + 540), circuit.dueAt()]).toEqual([[], Infinity]);
  });

  it('(1) proposes nothing once its members only observe, and is at rest then', () => {
    const { circuit, member } = circuitOf();
    circuit.tripped(member, { openMs: 500, reason: 'slowRatio' }, T0);
    member.memberRules = { ...memberRules, proposes: false };

    expect([proposalsOf(circuit, T0), circuit.dueAt()]).toEqual([[], Infinity]);
  });

  it('(1) casts no ballot where the node has no opening of its own any more', () => {
    const { circuit } = circuitOf();
    circuit.ballotDueAt = T0;

    expect([proposalsOf(circuit, T0), circuit.dueAt()]).toEqual([[], Infinity]);
  });

  it('(2) tells what the ledger lost, and nothing else, before all that is based on it', () => {
    const { circuit } = circuitOf();
    const ruling = rulingOf({ epoch: 7, state: 'open', remainingMs: 100, reopenings: 2 });
    circuit.adopt(ruling, T0);
    circuit.noteDemand(T0);
    circuit.seedDueAt = T0 + 150;
    expect(kinds(circuit, T0 + 149)).toEqual(['claim']);

    expect(proposalsOf(circuit, T0 + 150)).toEqual([
      { kind: 'seed', id: 'prices', basis: 7, ruling: { ...ruling, remainingMs: -50 }, leaseTtlMs: 400 },
    ]);
    expect(circuit.claim.isWanted).toBe(true);
  });

  it('(2) stands for the lease of the round that stands, and for the longest one where nobody says how long it is', () => {
    const { circuit, member } = circuitOf();
    const round = rulingOf({ epoch: 7, state: 'half-open' });
    circuit.adopt({ ...round, notes: { lt: '900' } }, T0);
    circuit.seedDueAt = T0;
    expect(proposalsOf(circuit, T0)).toMatchObject([{ kind: 'seed', leaseTtlMs: 900 }]);
    circuit.leave(member, T0);
    expect(proposalsOf(circuit, T0)).toMatchObject([{ kind: 'seed', leaseTtlMs: 900 }]);

    circuit.adopt({ ...round, epoch: 8 }, T0);
    circuit.seedDueAt = T0;

    expect(proposalsOf(circuit, T0)).toMatchObject([{ kind: 'seed', leaseTtlMs: 60_000 }]);
  });

  it.each([
    [5, { maxProbes: 3, neededSuccesses: 2, neededFailures: 2, maxLost: 3, maxPerNode: 1 }],
    [4, { maxProbes: 3, neededSuccesses: 2, neededFailures: 2, maxLost: 3, maxPerNode: 1 }],
    [3, { maxProbes: 3, neededSuccesses: 2, neededFailures: 2, maxLost: 3, maxPerNode: 1_000_000 }],
  ])('claims one lease, and of %i nodes distinct ones where there are enough', (fleetSize, round) => {
    const { circuit } = circuitOf({}, { fleetSize });
    circuit.adopt(rulingOf({ epoch: 7, state: 'half-open', free: 1 }), T0);
    circuit.noteDemand(T0);

    expect(proposalsOf(circuit, T0 + 10)).toEqual([
      { kind: 'claim', id: 'prices', basis: 7, ...reopen, want: 1, leaseTtlMs: 400, leaseBase: 'n1.x.1', round },
    ]);
  });

  it('tells what probes came to, gives back what nobody took, and asks for more', () => {
    const { circuit, member } = circuitOf({ rampUpMs: 50 });
    circuit.adopt(rulingOf({ epoch: 7, state: 'half-open', free: 1 }), T0);
    for (const id of ['a', 'b', 'c', 'd']) circuit.leases.grant(id, { epoch: 7, askedAt: T0, ttlMs: 400 });
    for (const verdict of ['success', 'failure', 'ignored'] as const) {
      const taken = circuit.probe(member, T0);
      if (typeof taken === 'object' && 'lease' in taken)
        circuit.leases.settle(taken.lease, { verdict, retryAfterMs: 30 }, T0);
    }
    const base = { id: 'prices', basis: 7 };
    const result = { ...base, ...reopen, retryAfterMs: 30, rampMs: 50 };
    expect(proposalsOf(circuit, T0 + 195)).toEqual([
      { kind: 'report', ...result, lease: 'a', succeeded: true },
      { kind: 'report', ...result, lease: 'b', succeeded: false },
      { kind: 'release', ...base, lease: 'c' },
      { kind: 'release', ...base, lease: 'd' },
    ]);
    circuit.noteDemand(T0 + 195);
    expect(kinds(circuit, T0 + 195)).toEqual(['report', 'report', 'release', 'release', 'claim']);
    circuit.leave(member, T0 + 195);

    expect(kinds(circuit, T0 + 195)).toEqual(['release', 'release', 'release', 'release']);
  });
});

describe('localCloseOf', () => {
  const setUp = (rules: Parameters<typeof notingMember>[1] = {}) => {
    const made = circuitOf(rules);
    made.circuit.adopt(rulingOf({ epoch: 7, state: 'open', remainingMs: 100 }), T0);
    made.circuit.settleLone({ epoch: 7, verdict: 'success', retryAfterMs: 0 }, T0 + 150);
    return made;
  };

  it('tells that this node has closed by itself, as soon as enough calls have succeeded', () => {
    const { circuit, member } = setUp({ rampUpMs: 50 });
    expect(localCloseOf(circuit, T0 + 200)).toBeUndefined();
    member.counted = { successes: 1, failures: 0 };

    expect(localCloseOf(circuit, T0 + 200)).toEqual({
      kind: 'local-close',
      id: 'prices',
      basis: 7,
      evidenceAgeMs: 50,
      successes: 2,
      neededSuccesses: 2,
      rampMs: 50,
    });
  });

  it('says nothing where the node follows, only observes, has nobody, or the fleet is not open any more', () => {
    const { circuit, member } = setUp({ neededSuccesses: 1 });
    expect(localCloseOf(circuit, T0 + 200)).toBeDefined();
    expect(localCloseOf(circuit, T0 + 99)).toBeUndefined();
    member.memberRules = { ...member.memberRules, proposes: false };
    expect(localCloseOf(circuit, T0 + 200)).toBeUndefined();
    circuit.leave(member, T0 + 200);
    expect(localCloseOf(circuit, T0 + 200)).toBeUndefined();
    const other = circuitOf();
    other.circuit.adopt(rulingOf({ epoch: 7, state: 'half-open' }), T0);
    expect(localCloseOf(other.circuit, T0)).toBeUndefined();
    other.circuit.wasReset(other.member, T0);
    other.member.counted = { successes: 9, failures: 0 };

    expect(localCloseOf(other.circuit, T0)).toBeUndefined();
  });
});

describe('rules on the wire', () => {
  it('bound leases to a minute', () => {
    expect([leaseMs({ ...memberRules, probeLeaseMs: 60_001 }), leaseMs(memberRules)]).toEqual([60_000, 400]);
    expect(reopenRules(memberRules)).toEqual(reopen);
  });

  it('tell the longest lease that may be out as far as is known here', () => {
    const { circuit: one } = circuitOf();
    const { circuit: other } = circuitOf({ probeLeaseMs: 900 });
    const { circuit: unused } = circuitOf();
    for (const member of unused.members) unused.leave(member, T0);
    expect([longestLeaseMs([one, other, unused], T0), longestLeaseMs([unused], T0), longestLeaseMs([], T0)]).toEqual([
      900, 0, 0,
    ]);

    unused.adopt(rulingOf({ epoch: 7, state: 'half-open', notes: { lt: '2000' } }), T0);
    expect(longestLeaseMs([other, unused], T0)).toBe(2000);
    unused.adopt(rulingOf({ epoch: 8, state: 'half-open', notes: { lt: 'soon' } }), T0);
    expect(longestLeaseMs([other, unused], T0)).toBe(60_000);
    unused.adopt(rulingOf({ epoch: 9, state: 'open', remainingMs: 100 }), T0);
    expect(longestLeaseMs([other, unused], T0)).toBe(900);
  });
});
