import { describe, expect, it } from 'vitest';

import { notingMember, rulingOf } from '../testing/fleet-table.ts';
import { FleetNode } from './fleet-node.ts';
import { type SyncReply, type SyncRequest, MAX_PROPOSALS } from './ledger.ts';
import { type NodeSettings, nodeDefaults } from './node-settings.ts';

const T0 = 1_000_000;

function nodeOf(settings: Partial<NodeSettings> = {}) {
  const disagreements: string[] = [];
  const node = new FleetNode({
    settings: { ...nodeDefaults, node: 'n1', ...settings },
    random: () => 0.5,
    shards: 1,
    onDisagreement: (name, by) => disagreements.push(`${name} ${by}`),
  });
  node.sync.subscribed(true, T0);
  const sync = (now: number, given: Partial<SyncReply> = {}): SyncRequest => {
    const request = node.nextSync(now);
    node.synced(request, { ...reply, nowUs: now * 1000, clock: now * 1000, ...given }, now);
    return request;
  };
  return { node, disagreements, sync };
}

const reply: SyncReply = {
  incarnation: 'i1',
  nowUs: 0,
  clock: 0,
  rulings: [],
  hasMore: false,
  nodes: 1,
  pollMs: 2000,
  shards: 1,
  readerMinor: 1,
};

const open = (id: string, epoch = T0 * 1000, remainingMs = 100) => rulingOf({ epoch, state: 'open', remainingMs }, id);
const trip = { openMs: 1000, reason: 'failureRatio' };

/** A node with a circuit that is open by itself. */
function tripping(count = 1) {
  const made = nodeOf();
  const circuits = Array.from({ length: count }, (_each, index) => {
    const member = notingMember(`c${index}`);
    const circuit = made.node.join(member, T0);
    circuit.tripped(member, trip, T0);
    made.node.touch(circuit, T0);
    return { member, circuit };
  });
  return { ...made, circuits, circuit: circuits[0]!.circuit, member: circuits[0]!.member };
}

describe('FleetNode', () => {
  it('(1) proposes one thing per circuit and step, and no more than a step may hold', () => {
    const { node, sync, circuits } = tripping(40);
    expect([node.nextStep(T0), node.wakeAt(T0)]).toEqual([undefined, -Infinity]);
    sync(T0);
    const step = node.nextStep(T0)!;
    expect(step).toMatchObject({ node: 'n1', incarnation: 'i1', ticketUs: T0 * 1000, fleetSize: 1 });
    expect(step.proposals).toHaveLength(MAX_PROPOSALS);
    const results = step.proposals.map(() => ({ code: 'already' as const }));
    node.stepped(step, { ...reply, results }, T0, T0 + 5);
    const rest = node.nextStep(T0 + 5)!;

    expect(new Set([...step.proposals, ...rest.proposals].map(({ id }) => id)).size).toBe(circuits.length);
    expect(rest.proposals).toHaveLength(8);
  });

  it('(1) proposes nothing any more that nobody wants', () => {
    const { node, sync, circuit, member } = tripping();
    sync(T0);
    circuit.recovered(member, T0 + 1);

    expect([node.nextStep(T0 + 1), node.wakeAt(T0 + 1)]).toEqual([undefined, node.sync.dueAt]);
  });

  it('(2) keeps a circuit that nobody uses while its ruling could matter to others', () => {
    const { node, sync } = nodeOf();
    sync(T0, { rulings: [open('a'), rulingOf({ epoch: 7, state: 'closed' }, 'b')] });
    expect([node.find('a')?.known.epoch, node.find('b')]).toEqual([T0 * 1000, undefined]);
    sync(T0 + 86_400_100);
    expect(node.find('a')).toBeDefined();
    sync(T0 + 86_400_101);
    expect(node.find('a')).toBeUndefined();
  });

  it('(2) forgets a circuit with its last member, once that has nothing to tell', () => {
    const { node, sync } = nodeOf({ mode: 'window' });
    const member = notingMember('a');
    const circuit = node.join(member, T0);
    sync(T0, { rulings: [rulingOf({ epoch: T0 * 1000, state: 'half-open', free: 1 }, 'a')] });
    circuit.leases.grant('x.1', { epoch: T0 * 1000, askedAt: T0, ttlMs: 400 });
    node.leave(circuit, member, T0 + 10);
    expect(node.find('a')).toBe(circuit);
    const step = node.nextStep(T0 + 10)!;
    expect(step.proposals).toMatchObject([{ kind: 'release', lease: 'x.1' }]);
    const closed = rulingOf({ epoch: T0 * 1000 + 1, state: 'closed' }, 'a');
    node.stepped(step, { ...reply, results: [{ code: 'noted', ruling: closed }] }, T0 + 10, T0 + 20);

    expect(node.find('a')).toBeUndefined();
    expect(node.touch(circuit, T0 + 20)).toBe(Infinity);
    node.nextFlush(T0 + 2000);
    expect(node.wakeAt(T0 + 2000)).toBe(node.sync.dueAt);
  });

  it('(2) does not grow while members of many names come and go', () => {
    const { node, sync } = nodeOf();
    sync(T0);
    for (let index = 0; index < 1000; index++) {
      const member = notingMember(`key ${index}`);
      const circuit = node.join(member, T0);
      circuit.tripped(member, trip, T0);
      circuit.recovered(member, T0);
      node.leave(circuit, member, T0);
    }

    expect((node as unknown as { circuits: Map<string, unknown> }).circuits.size).toBe(0);
    expect(node.wakeAt(T0)).toBe(node.sync.dueAt);
  });

  it('(3) tells what the ledger has lost, and only that', () => {
    const { node, sync } = nodeOf();
    sync(T0, { rulings: [open('a'), open('b'), open('c')] });
    sync(T0 + 10, { incarnation: 'i2', rulings: [open('a'), open('b', T0 * 1000 - 5)] });
    expect(node.nextStep(T0 + 59)).toBeUndefined();

    expect(node.nextStep(T0 + 60)?.proposals).toMatchObject([
      { kind: 'seed', id: 'b', basis: T0 * 1000 },
      { kind: 'seed', id: 'c', ruling: { remainingMs: 40 } },
    ]);
  });

  it('(3) leaves it to who was faster, where a message of this incarnation says so', () => {
    const { node, sync } = nodeOf();
    sync(T0, { rulings: [open('a'), open('b')] });
    sync(T0 + 10, { incarnation: 'i2' });
    const message = { previous: 0, clock: 1, rulings: [open('a')] };
    node.heard({ ...message, incarnation: 'i1' }, T0 + 20);
    node.heard({ ...message, incarnation: 'i2', rulings: [open('b')] }, T0 + 20);

    expect(node.nextStep(T0 + 60)?.proposals).toMatchObject([{ kind: 'seed', id: 'a' }]);
  });

  it.each([
    ['after everything was read from the new one', false],
    ['while a later sync is under way', true],
  ])('(3) tells the ledger what a master that is gone has told late, %s', (_when, isUnderWay) => {
    const { node, sync } = nodeOf();
    sync(T0);
    sync(T0 + 10, { incarnation: 'i2' });
    const late = { incarnation: 'i1', previous: T0 * 1000, clock: T0 * 1000 + 1, rulings: [open('a')] };
    const early = node.nextSync(T0 + 1000);
    node.heard(late, T0 + 1001);
    const answer = { ...reply, incarnation: 'i2', nowUs: (T0 + 1001) * 1000, clock: early.since };
    if (isUnderWay) node.synced(early, answer, T0 + 1002);
    expect([node.find('a')?.known.epoch, node.sync.dueAt]).toEqual([T0 * 1000, T0 + 1026]);
    expect(node.nextStep(T0 + 1025)).toBeUndefined();
    expect(sync(T0 + 1026, { incarnation: 'i2' }).since).toBe(0);

    expect(node.nextStep(T0 + 1076)?.proposals).toMatchObject([{ kind: 'seed', id: 'a', basis: T0 * 1000 }]);
  });

  it('(3) reads nothing anew where a late message of a master that is gone tells no news, or it may not share', () => {
    const { node, sync } = nodeOf();
    const late = { incarnation: 'i1', previous: 0, clock: 1, rulings: [open('a')] };
    sync(T0, { incarnation: 'i2', rulings: [open('a', T0 * 1000 + 1)] });
    node.heard(late, T0 + 10);
    expect(sync(T0 + 20, { incarnation: 'i2', shards: 64 }).since).toBe(T0 * 1000);
    node.heard({ ...late, rulings: [open('b')] }, T0 + 30);

    expect([node.nextSync(T0 + 40).since, node.find('b')]).toEqual([T0 * 1000 + 20_000, undefined]);
  });

  it('(4) proposes nothing and takes up nothing where it may not share, and is alone after a while', () => {
    const { node, sync, circuit, member } = tripping();
    sync(T0);
    sync(T0 + 10, { shards: 64, rulings: [open('c0', T0 * 1000 + 1)] });
    node.heard({ incarnation: 'i1', previous: 0, clock: 1, rulings: [open('c0', T0 * 1000 + 1)] }, T0 + 11);
    expect(node.sync.problem).toContain('64 shards');
    expect([node.nextStep(T0 + 11), circuit.known.epoch, member.told]).toEqual([undefined, 0, []]);
    expect([node.isFresh(T0 + 11), node.heardAt]).toEqual([false, T0]);
    sync(T0 + 5000, { shards: 64 });
    expect(node.heardAt).toBe(T0);
    expect(node.wakeAt(T0 + 5000)).toBe(node.sync.dueAt);
  });

  it('(4) reads everything again when it may share again', () => {
    const { node, sync, circuit } = tripping();
    sync(T0, { shards: 64, rulings: [open('c0')] });
    sync(T0 + 10);
    expect([node.sync.problem, node.sync.dueAt]).toEqual([undefined, T0 + 10]);
    const request = sync(T0 + 10, { rulings: [open('c0')] });

    expect([request.since, circuit.known.epoch, node.isFresh(T0 + 10)]).toEqual([0, T0 * 1000, true]);
  });

  it('asks what it needs to know', () => {
    const { node, sync } = nodeOf();
    expect(node.nextSync(T0)).toEqual({
      node: 'n1',
      incarnation: '',
      since: 0,
      presence: true,
      nodeTtlMs: 60_000,
      limit: 500,
      shards: 1,
      minor: 1,
      leaseTtlMs: 0,
      nonce: expect.stringMatching(/^[\da-z]+$/) as string,
    });
    node.join(notingMember('a'), T0);
    sync(T0);
    expect(node.nextSync(T0 + 1)).toMatchObject({ since: T0 * 1000, presence: false, leaseTtlMs: 400 });
  });

  it('asks where the ledger stands before it proposes again, when a step was lost or refused', () => {
    const { node, sync, circuit } = tripping();
    sync(T0);
    const step = node.nextStep(T0)!;
    node.stepLost(step, T0 + 200);
    expect([node.nextStep(T0 + 200), node.sync.dueAt, circuit.ballotDueAt]).toEqual([undefined, T0 + 200, T0 + 250]);
    sync(T0 + 210);
    expect([node.nextStep(T0 + 269), node.wakeAt(T0 + 210)]).toEqual([undefined, T0 + 270]);
    expect(node.nextStep(T0 + 270)).toBeDefined();
    node.stepped(step, { ...reply, results: [{ code: 'stale' }] }, T0 + 270, T0 + 280);
    expect(node.nextStep(T0 + 280)).toBeUndefined();
    sync(T0 + 290);
    node.stepped(step, { ...reply, results: [] }, T0 + 290, T0 + 300);

    expect(circuit.ballotDueAt).toBe(T0 + 1300);
  });

  it('proposes nothing that rests on what it saw before it slept', () => {
    const { node, sync, circuit } = tripping();
    sync(T0);
    node.slept(T0 + 5000);

    expect([node.nextStep(T0 + 5000), circuit.ballotDueAt, node.sync.dueAt]).toEqual([undefined, Infinity, T0 + 500]);
  });

  it('tells after a sync what it has closed by itself', () => {
    const { node, sync } = nodeOf();
    const member = notingMember('a', { neededSuccesses: 1 });
    const circuit = node.join(member, T0);
    expect(node.localCloses(T0)).toBeUndefined();
    sync(T0, { rulings: [open('a')] });
    expect(node.localCloses(T0)).toBeUndefined();
    circuit.settleLone({ epoch: T0 * 1000, verdict: 'success', retryAfterMs: 0 }, T0 + 150);

    expect(node.localCloses(T0 + 160)?.proposals).toMatchObject([{ kind: 'local-close', id: 'a', evidenceAgeMs: 10 }]);
  });

  it('gives back all that it holds when it leaves, and asks for nothing', () => {
    const { node, sync } = nodeOf();
    const member = notingMember('a');
    const circuit = node.join(member, T0);
    sync(T0, { rulings: [rulingOf({ epoch: T0 * 1000, state: 'half-open', free: 1 }, 'a')] });
    circuit.noteDemand(T0);
    circuit.seedDueAt = T0;
    circuit.leases.grant('x.1', { epoch: T0 * 1000, askedAt: T0, ttlMs: 400 });
    const step = node.farewell(T0)!;
    expect(step.proposals).toMatchObject([{ kind: 'release', lease: 'x.1' }]);
    node.stepped(step, { ...reply, results: [{ code: 'noted' }] }, T0, T0);

    expect(node.farewell(T0)).toBeUndefined();
  });

  it('adds up windows where it is asked to, each flush with a number of its own', () => {
    const { node, sync } = nodeOf({ mode: 'window' });
    const member = notingMember('a');
    node.join(member, T0);
    sync(T0);
    expect(node.nextFlush(T0 + 249)).toEqual({});
    member.counted = { successes: 1, failures: 1 };
    member.runs = [{ ageMs: 5, successes: 1, failures: 1 }];
    const { flush, bells } = node.nextFlush(T0 + 250);
    expect([flush, bells?.proposals]).toMatchObject([undefined, [{ kind: 'bell' }]]);
    const hot = rulingOf({ epoch: 0, state: 'closed', notes: { hot: '9000' } }, 'a');
    node.stepped(bells!, { ...reply, results: [{ code: 'done', ruling: hot }] }, T0 + 250, T0 + 260);
    node.heard({ incarnation: 'i1', previous: T0 * 1000, clock: T0 * 1000 + 1, rulings: [hot] }, T0 + 262);
    expect(node.wakeAt(T0 + 262)).toBe(T0 + 262);
    const next = node.nextFlush(T0 + 262).flush!;
    expect(next).toMatchObject({ sequence: 1, items: [{ id: 'a', failures: 1 }], ticketUs: 0 });
    const counted = { successes: 1, failures: 1 };
    const ruled = { ...counted, code: 'done' as const, ruling: open('a') };
    node.flushed(next, { ...reply, results: [ruled] }, T0 + 270);
    expect(node.find('a')?.known.epoch).toBe(T0 * 1000);
    node.flushed(next, { ...reply, results: [{ ...counted, code: 'stale' }] }, T0 + 280);

    expect(node.sync.ticket(T0 + 280)).toBeUndefined();
  });

  it('tells of disagreement with what the author of a ruling goes by', () => {
    const { node, sync, disagreements } = nodeOf();
    node.join(notingMember('a'), T0);
    sync(T0, { rulings: [{ ...open('a'), notes: { cf: 'f2', by: 'n9' } }] });
    expect(disagreements).toEqual(['a n9']);
  });

  it('waits at least as long as a silence that is no sign of trouble', () => {
    const { node } = nodeOf({ holdOffMs: 100 });
    expect(node.holdOffMs).toBe(6000);
    expect(nodeOf({ holdOffMs: 9000 }).node.holdOffMs).toBe(9000);
  });
});
