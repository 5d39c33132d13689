import { describe, expect, it } from 'vitest';

import { nodeViewOf, notingMember, rulingOf } from '../testing/fleet-table.ts';
import { DEMAND_MS } from './claim.ts';
import { NodeCircuit, type TakenProbe } from './node-circuit.ts';

const T0 = 1_000_000;

/** A circuit with members of these rules, which the fleet has ruled closed at epoch 1. */
function circuitOf(...rules: readonly Parameters<typeof notingMember>[1][]) {
  const given: NonNullable<Parameters<typeof nodeViewOf>[0]> = { heardAt: T0, randomly: 0 };
  const view = nodeViewOf(given);
  const circuit = new NodeCircuit('prices', view, T0);
  const members = (rules.length === 0 ? [{}] : rules).map((each) => notingMember('prices', each));
  for (const member of members) circuit.join(member, T0);
  return { given, view, circuit, member: members[0]!, other: members[1]!, members };
}

const open = (epoch: number, remainingMs = 1000) => rulingOf({ epoch, state: 'open', remainingMs });
const halfOpen = (epoch: number, free = 1) => rulingOf({ epoch, state: 'half-open', spanMs: 1000, free });
const closed = (epoch: number) => rulingOf({ epoch, state: 'closed' });
const trip = { openMs: 1000, reason: 'failureRatio' };
const lease = (circuit: NodeCircuit, id: string, at: number) =>
  circuit.leases.grant(id, { epoch: circuit.known.epoch, askedAt: at, ttlMs: 400 });
const isLone = (taken: TakenProbe) => typeof taken === 'object' && 'loneMs' in taken;

describe('NodeCircuit', () => {
  it('(1) goes by no ruling that stands below the one that it knows', () => {
    const { circuit, member } = circuitOf();
    expect(circuit.adopt(open(5), T0)).toBe(true);
    expect(circuit.adopt(closed(4), T0)).toBe(false);
    expect(circuit.adopt(closed(5), T0)).toBe(false);

    expect([circuit.known.epoch, member.states]).toEqual([5, ['open!']]);
  });

  it('(2) ends the own view, the claim, the ballot, seeds and leases with a ruling of another epoch', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(halfOpen(2), T0);
    lease(circuit, 'a.1', T0);
    circuit.seedDueAt = T0;
    circuit.adopt(closed(3), T0 + 1);
    expect([circuit.leases.size, circuit.dueAt()]).toEqual([0, Infinity]);
    circuit.tripped(member, trip, T0 + 2);
    expect([circuit.own?.state, circuit.ballotDueAt]).toEqual(['open', T0 + 2]);

    circuit.adopt(open(4, 10), T0 + 3);
    expect([circuit.own, circuit.dueAt()]).toEqual([undefined, Infinity]);
    circuit.noteDemand(T0 + 4);
    expect(circuit.claim.dueAt).toBe(T0 + 13);
    circuit.adopt(closed(5), T0 + 20);
    expect(circuit.dueAt()).toBe(Infinity);
  });

  it('(2) takes no verdict of a lone probe that began under another ruling', () => {
    const { circuit, given, member } = circuitOf();
    circuit.adopt(open(2), T0);
    given.isSilent = true;
    expect(circuit.probe(member, T0 + 5999)).toBe('none');
    expect(circuit.probe(member, T0 + 6000)).toEqual({ loneMs: 400, epoch: 2 });
    circuit.adopt(halfOpen(3), T0 + 6100);
    circuit.settleLone({ epoch: 2, verdict: 'success', retryAfterMs: 0 }, T0 + 6200);

    expect([circuit.own, member.states.at(-1)]).toEqual([undefined, 'half-open!']);
  });

  it('(2) ends an own view also where a safer ruling of the same epoch comes', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(rulingOf({ epoch: 2, state: 'half-open' }), T0);
    circuit.wasReset(member, T0);
    circuit.adopt(open(2), T0 + 1);

    expect([circuit.own, member.states.at(-1)]).toEqual([undefined, 'open!']);
  });

  it('(3) gives members a new window with each ruling of another epoch, and with no other', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(open(2, 1000), T0);
    circuit.adopt(rulingOf({ epoch: 2, state: 'open', remainingMs: 400, spanMs: 1000 }), T0 + 10);
    circuit.adopt(halfOpen(3, 1), T0 + 20);
    circuit.adopt(halfOpen(3, 0), T0 + 30);
    circuit.adopt(closed(4), T0 + 40);
    circuit.adopt(closed(4), T0 + 50);

    expect(member.states).toEqual(['open!', 'open', 'half-open!', 'closed!']);
    expect(member.told.map(({ remainingMs }) => remainingMs)).toEqual([1000, 400, 0, 0]);
  });

  it('(3) counts evidence from the ruling on, and from no longer ago than the window holds', () => {
    const { circuit, member } = circuitOf({ evidenceSpanMs: 100 });
    circuit.adopt(closed(2), T0);
    circuit.adopt(closed(3), T0 + 50);
    circuit.tripped(member, trip, T0 + 90);
    expect(circuit.own).toMatchObject({ evidenceFrom: T0 + 50, at: T0 + 90, until: T0 + 1090, openForMs: 1000 });
    circuit.recovered(member, T0 + 95);
    circuit.tripped(member, trip, T0 + 96);
    expect(circuit.own).toMatchObject({ evidenceFrom: T0 + 95 });
    circuit.recovered(member, T0 + 100);
    circuit.tripped(member, trip, T0 + 900);

    expect(circuit.own).toMatchObject({ evidenceFrom: T0 + 800 });
  });

  it('(4) lets no call run while the fleet is open or half-open but with a lease, or as the one lone probe', () => {
    const { circuit, given, member } = circuitOf();
    circuit.adopt(open(2), T0);
    expect([circuit.probe(member, T0 + 999), circuit.probe(member, T0 + 1000)]).toEqual(['none', 'none']);
    circuit.adopt(halfOpen(3), T0 + 1010);
    expect(circuit.probe(member, T0 + 1020)).toBe('none');
    lease(circuit, 'a.1', T0 + 1020);
    expect(circuit.probe(member, T0 + 1030)).toMatchObject({ lease: { id: 'a.1', epoch: 3 } });
    expect(circuit.probe(member, T0 + 1040)).toBe('none');

    given.isSilent = true;
    expect(isLone(circuit.probe(member, T0 + 5000))).toBe(true);
    expect(circuit.probe(member, T0 + 5001)).toBe('none');
  });

  it('(4) leaves a member alone where the fleet is closed', () => {
    const { circuit, member } = circuitOf();
    expect(circuit.probe(member, T0)).toBe('own');
    circuit.tripped(member, trip, T0);
    expect(circuit.probe(member, T0 + 10)).toBe('own');
    circuit.adopt(rulingOf({ epoch: 3, state: 'forced-closed', remainingMs: 100 }), T0 + 20);

    expect(circuit.probe(member, T0 + 30)).toBe('own');
  });

  it('(4) keeps no call back that a closed own view lets run, and gives none under a hold', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(open(2, 10), T0);
    circuit.wasReset(member, T0 + 20);
    expect(circuit.probe(member, T0 + 30)).toBe('own');
    circuit.adopt(rulingOf({ epoch: 3, state: 'forced-open', remainingMs: 100 }), T0 + 40);

    expect([circuit.probe(member, T0 + 50), circuit.claim.isWanted]).toEqual(['none', false]);
  });

  it('(5) ends an own view that rests on what was before the ruling, also where that is forgotten', () => {
    const { circuit, member } = circuitOf();
    circuit.tripped(member, trip, T0 + 10);
    circuit.forgetEvidence(T0 + 3000);
    circuit.adopt(closed((T0 + 2000) * 1000), T0 + 4000);

    expect([circuit.own, member.states.at(-1)]).toEqual([undefined, 'closed!']);
  });

  it('(5) keeps what was seen, and the own view, where it hears of a closed ruling from before', () => {
    const { circuit, member } = circuitOf();
    circuit.tripped(member, trip, T0 + 10);
    circuit.ballotDueAt = T0 + 3000;
    circuit.adopt(closed((T0 - 1) * 1000), T0 + 20);

    expect([circuit.own?.state, circuit.own?.basis, circuit.ballotDueAt]).toEqual(['open', (T0 - 1) * 1000, T0 + 20]);
    expect(member.states).toEqual([]);
    expect(circuit.own).toMatchObject({ evidenceFrom: T0, until: T0 + 1010 });
  });

  it.each([
    ['is newer than what was seen', rulingOf({ epoch: (T0 + 5) * 1000, state: 'closed' }), ['closed!']],
    ['has a ramp', rulingOf({ epoch: 7, state: 'closed', remainingMs: 50 }), ['closed!']],
    ['opens', open(7), ['open!']],
  ])('(5) a first ruling is news that %s', (_what, ruling, states) => {
    const { circuit, member } = circuitOf();
    circuit.tripped(member, trip, T0 + 10);
    circuit.adopt(ruling, T0 + 20);

    expect([circuit.own, circuit.ballotDueAt, member.states]).toEqual([undefined, Infinity, states]);
  });

  it('(5) a closed ruling is news where another one was known', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(closed(7), T0);
    circuit.adopt(closed(8), T0);

    expect(member.states).toEqual(['closed!']);
  });

  it('(6) lets a member that only observes neither open nor close nor reset others', () => {
    const { circuit, member, other } = circuitOf({ proposes: false }, {});
    circuit.tripped(member, trip, T0);
    expect([circuit.own, circuit.dueAt(), other.states]).toEqual([undefined, Infinity, []]);
    circuit.tripped(other, trip, T0);
    expect(member.states).toEqual(['open']);
    circuit.recovered(member, T0 + 1);
    circuit.wasReset(member, T0 + 1);
    expect(circuit.own?.state).toBe('open');

    circuit.adopt(open(2, 10), T0 + 2);
    circuit.wasReset(member, T0 + 3);
    expect(circuit.own).toBeUndefined();
    expect([circuit.probe(member, T0 + 20), circuit.probe(member, T0 + 99_000)]).toEqual(['none', 'none']);
  });

  it('(6) goes by the rules of a member that proposes, if there is one', () => {
    const { circuit, member, other } = circuitOf({ proposes: false }, { maxProbes: 5 });
    expect(circuit.rules?.maxProbes).toBe(5);
    circuit.leave(other, T0);
    expect(circuit.rules).toBe(member.memberRules);
    circuit.leave(member, T0);

    expect(circuit.rules).toBeUndefined();
  });

  it('(7) holds members also where the node has a view of its own', () => {
    const { circuit, member } = circuitOf();
    const notes = { by: 'ops%20team', for: 'a%20drill', why: 'held' };
    circuit.adopt(rulingOf({ epoch: 2, state: 'forced-open', remainingMs: 500, notes }), T0);
    circuit.wasReset(member, T0 + 10);
    expect(member.told).toHaveLength(1);
    circuit.adopt(rulingOf({ epoch: 2, state: 'forced-open', remainingMs: 400, spanMs: 500, notes }), T0 + 100);
    expect(member.told).toMatchObject([
      { state: 'forced-open', remainingMs: 500, owner: 'ops team', reason: 'a drill', isNew: true },
      { state: 'forced-open', remainingMs: 400, isNew: false },
    ]);
    const late = notingMember();
    circuit.join(late, T0 + 200);
    expect(late.states).toEqual(['forced-open!']);

    expect([circuit.own?.state, circuit.probe(member, T0 + 500)]).toEqual(['closed', 'own']);
  });

  it('lets the members of a name open and close together', () => {
    const { circuit, member, other } = circuitOf({}, {});
    circuit.tripped(member, trip, T0);
    expect([member.states, other.told]).toMatchObject([[], [{ state: 'open', remainingMs: 1000, isNew: false }]]);
    circuit.tripped(other, { ...trip, openMs: 3000 }, T0 + 1000);
    expect(member.told).toMatchObject([{ state: 'open', remainingMs: 3000, reopenings: 1, reason: 'failureRatio' }]);
    circuit.recovered(member, T0 + 4000);

    expect([circuit.own, circuit.ballotDueAt, other.states, member.states]).toEqual([
      undefined,
      Infinity,
      ['open', 'closed!'],
      ['open'],
    ]);
  });

  it('probes alone no earlier for an opening without a time, nor while a probe of an earlier ruling may run', () => {
    const { circuit, given, member } = circuitOf();
    given.isSilent = true;
    circuit.adopt(rulingOf({ epoch: 2, state: 'open', spanMs: 0, remainingMs: 0 }), T0 + 8000);
    expect(circuit.probe(member, T0 + 8300)).toBe('none');
    expect(circuit.probe(member, T0 + 30_000)).toMatchObject({ loneMs: 400 });
    circuit.adopt(rulingOf({ epoch: 3, state: 'open', spanMs: 0, remainingMs: -20_000 }), T0 + 30_100);

    expect([circuit.probe(member, T0 + 30_399), circuit.probe(member, T0 + 50_000)]).toMatchObject([
      'none',
      { epoch: 3 },
    ]);
  });

  it('(8) takes part in the round of the fleet again once the ledger is heard, unless it was reset by hand', () => {
    const { circuit, given, member } = circuitOf();
    circuit.adopt(halfOpen(2), T0);
    expect(circuit.joinRound(T0)).toBe(false);
    given.isSilent = true;
    circuit.probe(member, T0 + 8000);
    circuit.settleLone({ epoch: 2, verdict: 'success', retryAfterMs: 0 }, T0 + 8100);
    expect(member.states.at(-1)).toBe('closed!');
    given.isSilent = false;

    expect([circuit.joinRound(T0 + 8200), circuit.own, member.states.at(-1)]).toEqual([true, undefined, 'half-open!']);
    expect(circuit.claim.dueAt).toBeLessThan(T0 + 8300);
    circuit.wasReset(member, T0 + 8300);
    expect([circuit.joinRound(T0 + 8400), circuit.own?.state]).toEqual([false, 'closed']);
  });

  it('tells a member that comes late what is, and nothing where nothing was ever ruled', () => {
    const { circuit, member } = circuitOf();
    expect(member.told).toEqual([]);
    circuit.tripped(member, trip, T0);
    const late = notingMember();
    circuit.join(late, T0 + 400);

    expect(late.told).toMatchObject([{ state: 'open', remainingMs: 600, isNew: true }]);
  });

  it('takes over how often probes had failed, also where it opens by itself in spite of the fleet', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(rulingOf({ epoch: 2, state: 'open', remainingMs: 10, reopenings: 3 }), T0);
    expect(circuit.reopenings).toBe(3);
    circuit.wasReset(member, T0 + 20);
    circuit.tripped(member, trip, T0 + 30);

    expect([circuit.reopenings, circuit.ballotDueAt]).toEqual([3, Infinity]);
    circuit.tripped(member, trip, T0 + 2000);
    expect(circuit.reopenings).toBe(4);
  });

  it('claims once the open time is over, if a call was refused of late, and only one lease at a time', () => {
    const { circuit } = circuitOf();
    circuit.adopt(open(2), T0);
    expect(circuit.claim.isWanted).toBe(false);
    circuit.noteDemand(T0 + 500);
    expect([circuit.claim.dueAt, circuit.dueAt()]).toEqual([T0 + 1000, T0 + 1000]);
    circuit.adopt(halfOpen(3), T0 + 1100);
    expect(circuit.claim.dueAt).toBe(T0 + 1100);
    circuit.claim.end();
    lease(circuit, 'a.1', T0 + 1100);
    circuit.noteDemand(T0 + 1110);
    expect(circuit.claim.isWanted).toBe(false);
    circuit.adopt(open(4), T0 + 1200);
    expect(circuit.claim.isWanted).toBe(true);
    circuit.adopt(open(5), T0 + 1200 + DEMAND_MS);

    expect(circuit.claim.isWanted).toBe(false);
  });

  it('claims after its own open time, where that is later than the fleet', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(open(2, 10), T0);
    circuit.wasReset(member, T0 + 20);
    circuit.noteDemand(T0 + 20);
    expect(circuit.claim.isWanted).toBe(false);
    circuit.tripped(member, trip, T0 + 30);
    expect(circuit.probe(member, T0 + 1029)).toBe('none');
    circuit.noteDemand(T0 + 500);

    expect(circuit.claim.dueAt).toBe(T0 + 1030);
  });

  it('waits while all leases are out, and asks again as soon as one is free', () => {
    const { circuit } = circuitOf();
    circuit.noteDemand(T0);
    circuit.adopt(halfOpen(3, 0), T0 + 10);
    expect([circuit.claim.dueAt, circuit.claim.waitMs(T0 + 10)]).toEqual([T0 + 410, 400]);
    circuit.adopt(halfOpen(3, 1), T0 + 50);
    expect(circuit.claim.dueAt).toBe(T0 + 50);
    circuit.adopt(halfOpen(3, 0), T0 + 60);

    expect(circuit.claim.dueAt).toBe(T0 + 460);
  });

  it('lets others go first after its own probe has failed, where there are enough of them', () => {
    const { circuit, given } = circuitOf();
    circuit.guiltyEpoch = 2;
    circuit.noteDemand(T0);
    circuit.adopt(open(2, 100), T0);
    expect(circuit.claim.dueAt).toBe(T0 + 100);
    given.fleetSize = 4;
    circuit.claim.end();
    circuit.noteDemand(T0);
    expect(circuit.claim.dueAt).toBe(T0 + 500);
    circuit.adopt(open(3, 100), T0);

    expect(circuit.claim.dueAt).toBe(T0 + 100);
  });

  it('decides by a lone probe for itself, with a ramp', () => {
    const { circuit, given, member } = circuitOf({ rampUpMs: 300 });
    circuit.adopt(open(2), T0);
    given.isSilent = true;
    circuit.probe(member, T0 + 6000);
    circuit.settleLone({ epoch: 2, verdict: 'ignored', retryAfterMs: 0 }, T0 + 6010);
    expect(circuit.own).toBeUndefined();
    circuit.settleLone({ epoch: 2, verdict: 'success', retryAfterMs: 0 }, T0 + 6020);

    expect(circuit.own).toEqual({ state: 'closed', basis: 2, at: T0 + 6020, successes: 1 });
    expect(member.told.at(-1)).toMatchObject({ state: 'closed', remainingMs: 300, isNew: true });
    circuit.settleLone({ epoch: 2, verdict: 'failure', retryAfterMs: 0 }, T0 + 6030);
    expect(circuit.own?.state).toBe('closed');
  });

  it('stays open for longer each time that a lone probe fails', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(open(2), T0);
    const fail = (retryAfterMs: number, at: number) =>
      circuit.settleLone({ epoch: 2, verdict: 'failure', retryAfterMs }, at);
    fail(0, T0 + 6000);
    expect(circuit.own).toMatchObject({ state: 'open', openForMs: 2000, until: T0 + 8000, reopenings: 1, basis: 2 });
    fail(0, T0 + 9000);
    expect(circuit.own).toMatchObject({ openForMs: 4000, reopenings: 2, reason: 'probes', at: T0 + 9000 });
    fail(5000, T0 + 14_000);
    expect(circuit.own).toMatchObject({ openForMs: 8000 });
    fail(0, T0 + 30_000);
    expect(circuit.own).toMatchObject({ openForMs: 8000, reopenings: 4, evidenceFrom: T0 + 30_000 });

    expect(member.states).toEqual(['open!', 'open!', 'open!', 'open!', 'open!']);
  });

  it('closes by hand without a ramp, and goes back to the fleet where that is closed', () => {
    const { circuit, member, other } = circuitOf({ rampUpMs: 300 }, { rampUpMs: 300 });
    circuit.adopt(open(2), T0);
    circuit.wasReset(member, T0);
    expect(circuit.own).toMatchObject({ state: 'closed', successes: 0 });
    expect(other.told.at(-1)).toMatchObject({ state: 'closed', remainingMs: 0 });
    circuit.adopt(closed(3), T0);
    circuit.tripped(member, trip, T0);
    circuit.wasReset(member, T0 + 1);

    expect([circuit.own, other.states.at(-1)]).toEqual([undefined, 'closed!']);
  });

  it('forgets what members have seen when the process has slept', () => {
    const { circuit, member } = circuitOf();
    circuit.forgetEvidence(T0 + 50);
    expect(member.states).toEqual(['closed!']);
    circuit.tripped(member, trip, T0 + 60);
    expect(circuit.own).toMatchObject({ evidenceFrom: T0 + 50 });
    circuit.forgetEvidence(T0 + 70);
    expect([circuit.ballotDueAt, member.states]).toEqual([Infinity, ['closed!']]);
    circuit.adopt(open(2), T0 + 80);
    circuit.forgetEvidence(T0 + 90);

    expect(member.states).toEqual(['closed!', 'open!']);
  });

  it('gives back what is in hand, and wants nothing, when the last member has left', () => {
    const { circuit, member, other } = circuitOf({}, {});
    circuit.adopt(halfOpen(3), T0);
    lease(circuit, 'a.1', T0);
    circuit.leave(member, T0);
    expect(circuit.leases.heldCount).toBe(1);
    circuit.ballotDueAt = T0;
    circuit.claim.want(() => 'a', T0);
    circuit.leave(other, T0);

    expect([circuit.leases.heldCount, circuit.leases.reportCount, circuit.claim.isWanted]).toEqual([0, 1, false]);
    expect(circuit.ballotDueAt).toBe(Infinity);
  });

  it('needs no seed of what the ledger knows', () => {
    const { circuit } = circuitOf();
    circuit.adopt(open(7), T0);
    circuit.seedDueAt = T0;
    circuit.noteKnown(6);
    expect(circuit.dueAt()).toBe(T0);
    circuit.noteKnown(7);

    expect(circuit.dueAt()).toBe(Infinity);
  });

  it('says once per ruling that its author decides by other rules', () => {
    const { circuit, view } = circuitOf({}, { fingerprint: 'f2' });
    const notes = { cf: 'f1', by: 'n7+n8' };
    circuit.adopt(rulingOf({ epoch: 2, state: 'open', remainingMs: 10, notes }), T0);
    circuit.adopt(rulingOf({ epoch: 2, state: 'open', remainingMs: 5, notes }), T0);
    expect(view.disagreements).toEqual(['prices by n7+n8']);
    circuit.adopt(closed(3), T0);

    expect(view.disagreements).toHaveLength(1);
  });

  it('is hot for as long as the bell is heard', () => {
    const { circuit } = circuitOf();
    expect(circuit.hotUntil).toBe(-Infinity);
    circuit.adopt(rulingOf({ epoch: 2, state: 'closed', notes: { hot: '900' } }), T0);
    expect(circuit.hotUntil).toBe(T0 + 900);
    circuit.adopt(closed(2), T0);

    expect(circuit.hotUntil).toBe(-Infinity);
  });
});
