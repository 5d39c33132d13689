import { describe, expect, it } from 'vitest';

import { nodeViewOf, notingMember, rulingOf } from '../testing/fleet-table.ts';
import { answered, lost } from './circuit-answers.ts';
import { proposalsOf } from './circuit-proposals.ts';
import { NodeCircuit } from './node-circuit.ts';
import type { Proposal, Result } from './proposal.ts';

const T0 = 1_000_000;

function circuitOf(given: NonNullable<Parameters<typeof nodeViewOf>[0]> = {}) {
  const circuit = new NodeCircuit('prices', nodeViewOf({ heardAt: T0, randomly: 0, ...given }), T0);
  const member = notingMember();
  circuit.join(member, T0);
  const answer = (proposal: Proposal, result: Result, now = T0 + 20) =>
    answered(circuit, proposal, result, { askedAt: T0 + 10, now });
  const proposal = (kind: Proposal['kind'], now = T0 + 10): Proposal =>
    proposalsOf(circuit, now).find((each) => each.kind === kind)!;
  return { circuit, member, answer, proposal };
}

const halfOpen = (epoch: number, free = 1) => rulingOf({ epoch, state: 'half-open', spanMs: 1000, free });
const granted = (leases: readonly string[], ruling = halfOpen(7)): Result => ({
  code: 'granted',
  leases,
  remainingMs: 300,
  ruling,
});

/** A circuit that is half-open at epoch 7, at a node that claims. */
function claiming() {
  const made = circuitOf();
  made.circuit.adopt(halfOpen(7), T0);
  made.circuit.noteDemand(T0);
  return { ...made, claim: made.proposal('claim') };
}

describe('circuit answers', () => {
  it('(1) takes up the ruling that comes with an answer, also where nothing was changed', () => {
    const { circuit, answer, claim } = claiming();
    answer(claim, { code: 'fenced', ruling: rulingOf({ epoch: 9, state: 'open', remainingMs: 50 }) });

    expect([circuit.known.epoch, circuit.claim.isBy('n1.x.1'), circuit.claim.dueAt]).toEqual([9, false, T0 + 70]);
  });

  it('(2) does nothing about a stale proposal: it is proposed again', () => {
    const { circuit, answer, claim } = claiming();
    answer(claim, { code: 'stale' });
    expect(circuit.claim.isBy('n1.x.1')).toBe(true);
  });

  it('(2) proposes again, a little later, what got no answer and still matters', () => {
    const { circuit, member, proposal } = circuitOf({ randomly: 0.5 });
    circuit.tripped(member, { openMs: 500, reason: 'slowRatio' }, T0);
    circuit.seedDueAt = T0;
    const seed = proposal('seed');
    lost(circuit, seed, T0 + 100);
    expect([circuit.seedDueAt, circuit.ballotDueAt]).toEqual([T0 + 150, T0]);
    const trip = proposal('trip');
    lost(circuit, trip, T0 + 200);
    expect([circuit.seedDueAt, circuit.ballotDueAt]).toEqual([T0 + 150, T0 + 250]);

    circuit.seedDueAt = Infinity;
    circuit.ballotDueAt = Infinity;
    lost(circuit, seed, T0 + 300);
    lost(circuit, trip, T0 + 300);
    expect(circuit.dueAt()).toBe(Infinity);
  });

  it('(3) takes leases that are its own, and asks for no more', () => {
    const { circuit, answer, claim } = claiming();
    answer(claim, granted(['n1.x.1.1', 'n2.x.1.1']));

    expect([circuit.leases.heldCount, circuit.claim.isWanted]).toEqual([1, false]);
    expect(circuit.leases.take(7, T0 + 20)).toEqual({
      id: 'n1.x.1.1',
      epoch: 7,
      askedAt: T0 + 10,
      expiresAt: T0 + 10 + 300 * 0.95,
    });
  });

  it('(3) takes no lease longer than it asked for', () => {
    const { circuit, answer, claim } = claiming();
    answer(claim, { ...granted(['n1.x.1.1']), remainingMs: 90_000 } as Result);

    expect(circuit.leases.take(7, T0 + 20)?.expiresAt).toBe(T0 + 10 + 400 * 0.95);
  });

  it('(3) takes no lease of a round that is over, nor ends a claim on the one that stands', () => {
    const { circuit, answer, claim } = claiming();
    circuit.adopt(halfOpen(9), T0 + 15);
    answer(claim, granted(['n1.x.1.1']));
    expect([circuit.leases.size, circuit.claim.isBy('n1.x.2')]).toEqual([0, true]);
    answer(claim, { ...granted(['n1.x.1.1']), ruling: undefined } as unknown as Result);

    expect(circuit.leases.size).toBe(0);
  });

  it('(3) asks no earlier for an answer about another ruling that comes late', () => {
    const { circuit, answer, claim } = claiming();
    circuit.adopt(rulingOf({ epoch: 9, state: 'open', remainingMs: 500, spanMs: 500 }), T0 + 15);
    answer(claim, { code: 'wait', forMs: 100, why: 'full', ruling: halfOpen(7, 0) });
    expect(circuit.claim.dueAt).toBe(T0 + 515);
    answer(claim, { code: 'failed', message: '' });
    expect(circuit.claim.dueAt).toBe(T0 + 515);
  });

  it('asks again under another name where it was granted nothing', () => {
    const { circuit, answer, claim } = claiming();
    answer(claim, granted([]));
    expect([circuit.claim.isWanted, circuit.claim.waitMs(T0 + 20)]).toEqual([false, 20]);
  });

  it('waits as long as the ledger says, and then asks under another name', () => {
    const { circuit, answer, claim } = claiming();
    answer(claim, { code: 'wait', forMs: 80, why: 'full', ruling: halfOpen(7, 0) });
    expect([circuit.claim.dueAt, circuit.claim.isBy('n1.x.1')]).toEqual([T0 + 101, false]);
  });

  it('waits for nothing where nobody has called for a while, or nobody is here', () => {
    const { circuit, member, answer, claim } = claiming();
    answer(claim, { code: 'wait', forMs: 80, why: 'full' }, T0 + 10_000);
    expect(circuit.claim.isWanted).toBe(false);
    circuit.noteDemand(T0 + 10_000);
    circuit.leave(member, T0 + 10_000);
    answer(claim, { code: 'wait', forMs: 80, why: 'full' }, T0 + 10_001);

    expect(circuit.claim.isWanted).toBe(false);
  });

  it.each([
    ['failed', { code: 'failed', message: 'broken' }, 1000],
    ['already', { code: 'already' }, 0],
  ] as const)('wants nothing for now where a claim is answered %s', (_code, result, waitMs) => {
    const { circuit, answer, claim } = claiming();
    answer(claim, result);

    expect([circuit.claim.isWanted, circuit.claim.waitMs(T0 + 20)]).toEqual([false, waitMs]);
  });

  it('seeds first where the ledger has lost what a proposal is based on', () => {
    const { circuit, answer, claim } = claiming();
    answer(claim, { code: 'seed-first', ruling: rulingOf({ epoch: 0, state: 'closed' }) });
    expect([circuit.seedDueAt, circuit.claim.isBy('n1.x.1')]).toEqual([T0 + 20, true]);
    const [seed] = proposalsOf(circuit, T0 + 20);
    answer(seed!, { code: 'done' });

    expect(circuit.seedDueAt).toBe(Infinity);
  });

  it.each<[string, Result, number]>([
    ['votes again in time while it is open by itself', { code: 'voted', ballots: 1 }, T0 + 20 + 3000],
    ['tries again where the ledger could not', { code: 'failed', message: 'broken' }, T0 + 20 + 1000],
    ['rests where its evidence is too old', { code: 'old-evidence' }, Infinity],
    ['rests where the fleet has opened', { code: 'already' }, Infinity],
  ])('%s', (_what, result, dueAt) => {
    const { circuit, member, answer, proposal } = circuitOf();
    circuit.tripped(member, { openMs: 5000, reason: 'slowRatio' }, T0);
    answer(proposal('trip'), result);

    expect(circuit.ballotDueAt).toBe(dueAt);
  });

  it('rests where it is not open by itself any more', () => {
    const { circuit, member, answer, proposal } = circuitOf();
    circuit.tripped(member, { openMs: 5000, reason: 'slowRatio' }, T0);
    const trip = proposal('trip');
    circuit.recovered(member, T0 + 15);
    answer(trip, { code: 'voted', ballots: 1 });

    expect(circuit.ballotDueAt).toBe(Infinity);
  });

  it('votes no more by what has been forgotten since', () => {
    const { circuit, member, answer, proposal } = circuitOf();
    circuit.tripped(member, { openMs: 500, reason: 'slowRatio' }, T0);
    const trip = proposal('trip');
    circuit.forgetEvidence(T0 + 15);
    answer(trip, { code: 'voted', ballots: 1, ruling: rulingOf({ epoch: 0, state: 'closed' }) });

    expect(circuit.ballotDueAt).toBe(Infinity);
  });

  it('votes anew at once where it had not known the ruling that its evidence is from after', () => {
    const { circuit, member, answer, proposal } = circuitOf();
    circuit.tripped(member, { openMs: 5000, reason: 'slowRatio' }, T0);
    const trip = proposal('trip');
    answer(trip, { code: 'fenced', ruling: rulingOf({ epoch: (T0 - 9) * 1000, state: 'closed' }) });

    expect([circuit.ballotDueAt, circuit.own?.state]).toEqual([T0 + 20, 'open']);
    expect(proposalsOf(circuit, T0 + 20)).toMatchObject([{ kind: 'trip', basis: (T0 - 9) * 1000, evidenceAgeMs: 20 }]);
  });

  it('forgets what was told of a lease, whatever the ledger makes of it', () => {
    const { circuit, member, answer, claim } = claiming();
    answer(claim, granted(['n1.x.1.1']));
    const taken = circuit.probe(member, T0 + 30);
    if (typeof taken === 'object' && 'lease' in taken)
      circuit.leases.settle(taken.lease, { verdict: 'success', retryAfterMs: 0 }, T0 + 40);
    const [report] = proposalsOf(circuit, T0 + 40);
    expect(report?.kind).toBe('report');
    answer(report!, { code: 'lease-gone' }, T0 + 50);

    expect(circuit.leases.reportCount).toBe(0);
  });

  it.each([
    [false, 'done', 'open', 9],
    [true, 'done', 'open', 0],
    [false, 'noted', 'open', 0],
    [false, 'done', 'closed', 0],
  ] as const)(
    'knows whether its probe has opened the circuit: succeeded %s, %s, %s',
    (succeeded, code, state, epoch) => {
      const { circuit, answer } = claiming();
      const rules = { openMs: 1, backoffRatio: 1, maxOpenMs: 1, retryAfterMs: 0, rampMs: 0 };
      const report: Proposal = { kind: 'report', id: 'prices', basis: 7, lease: 'a', succeeded, ...rules };
      answer(report, { code, ruling: rulingOf({ epoch: 9, state, remainingMs: 10 }) });

      expect(circuit.guiltyEpoch).toBe(epoch);
    },
  );
});
