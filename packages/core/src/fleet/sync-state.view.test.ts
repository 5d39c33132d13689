/**
 * What a node knows of its ledger, asks and believes.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { rulingOf } from '../testing/fleet-table.ts';
import type { RulingMessage, SyncReply, SyncRequest } from './ledger.ts';
import { SyncState, problemOf } from './sync-state.ts';

const reply = (given: Partial<SyncReply> = {}): SyncReply => ({
  incarnation: 'i1',
  nowUs: 5_000_000,
  clock: 100,
  rulings: [],
  hasMore: false,
  nodes: 1,
  pollMs: 2000,
  shards: 1,
  readerMinor: 1,
  ...given,
});

const message = (given: Partial<RulingMessage> = {}): RulingMessage => ({
  incarnation: 'i1',
  previous: 100,
  clock: 110,
  rulings: [],
  ...given,
});

/** A state, and what syncs it. The randomness is in the middle, so that nothing is early or late. */
function syncing(random = 0.5) {
  const state = new SyncState(() => random);
  const sync = (now: number, given: Partial<SyncReply> = {}) => {
    const request = state.request(now) as SyncRequest;
    return { request, census: state.synced(request, reply(given), now) };
  };
  return { state, sync };
}

describe('sync state: view', () => {
  it('sync state (1): has a ticket from the last word of the incarnation that it knows, for a while', () => {
    const { state, sync } = syncing();
    expect([state.ticket(0), state.request(0)]).toEqual([undefined, { incarnation: '', since: 0, presence: true }]);
    sync(1000);
    expect([state.ticket(12_999), state.ticket(13_000)]).toEqual([5_000_000, undefined]);
    state.noteReply({ incarnation: 'i1', nowUs: 6_000_000 }, 2000);
    expect(state.ticket(13_999)).toBe(6_000_000);
    state.noteReply({ incarnation: 'i2', nowUs: 7_000_000 }, 3000);
    expect([state.ticket(3000), state.dueAt]).toEqual([6_000_000, 1250]);
    state.refuseTicket(3001);

    expect([state.ticket(3001), state.heardAt]).toEqual([undefined, 3000]);
  });

  it('sync state (1): has no ticket where it may not share, nor in the middle of a full reading', () => {
    const { state, sync } = syncing();
    sync(1000, { hasMore: true });
    expect(state.ticket(1000)).toBeUndefined();
    sync(1001);
    expect(state.ticket(1001)).toBe(5_000_000);
    state.problem = 'other shards';

    expect([state.ticket(1001), state.proposableAt(1001)]).toEqual([undefined, state.dueAt]);
  });

  it('sync state (2): knows after a full reading what the ledger knows, in as many parts as it comes', () => {
    const { sync } = syncing();
    const first = sync(1000, { hasMore: true, clock: 50, rulings: [rulingOf({ epoch: 40, state: 'open' }, 'a')] });
    expect(first.census).toBeUndefined();
    const second = sync(1001, { rulings: [rulingOf({ epoch: 90, state: 'closed' }, 'b')] });
    expect(second.request).toMatchObject({ incarnation: 'i1', since: 50 });
    expect([...second.census!]).toEqual([
      ['a', 40],
      ['b', 90],
    ]);

    expect(sync(2000, { rulings: [rulingOf({ epoch: 95, state: 'open' }, 'a')] }).census).toBeUndefined();
  });

  it.each([
    ['is another incarnation', { incarnation: 'i2', clock: 200 }],
    ['has gone back', { clock: 60 }],
  ])('sync state (2): reads everything anew where the ledger %s', (_what, given) => {
    const { sync } = syncing();
    sync(1000);
    const { census } = sync(2000, { ...given, rulings: [rulingOf({ epoch: 40, state: 'open' }, 'a')] });

    expect([...census!]).toEqual([['a', 40]]);
  });

  it('sync state (2): asks for everything again when it is told to', () => {
    const { state, sync } = syncing();
    sync(1000);
    state.startOver(1100);
    expect(state.dueAt).toBe(1100);

    expect(sync(1100).census).toBeDefined();
  });

  it('sync state (2): asks for everything again also where it is told to during a sync, or in the middle of a reading', () => {
    const { state, sync } = syncing();
    sync(1000);
    const early = state.request(1100) as SyncRequest;
    state.startOver(1101);
    expect(state.synced(early, reply(), 1102)).toBeUndefined();
    expect(sync(1102, { hasMore: true, clock: 50 }).request.since).toBe(0);
    state.startOver(1103);

    expect(sync(1103).request.since).toBe(0);
  });

  it('sync state (2): counts only what one incarnation has told in one reading', () => {
    const { state, sync } = syncing();
    const early = state.request(0) as SyncRequest;
    sync(1000, { hasMore: true, clock: 50, rulings: [rulingOf({ epoch: 40, state: 'open' }, 'a')] });
    const rulings = [rulingOf({ epoch: 90, state: 'closed' }, 'b')];

    expect([...state.synced(early, reply({ incarnation: 'i2', rulings }), 1001)!]).toEqual([['b', 90]]);
  });

  it('sync state (3): follows messages without a gap, and asks soon where there is one', () => {
    const { state, sync } = syncing();
    sync(1000);
    const { dueAt } = state;
    state.heard(message(), 1100, true);
    state.heard(message({ previous: 110, clock: 120 }), 1100, true);
    state.heard(message({ previous: 100, clock: 105 }), 1100, true);
    expect([state.dueAt, state.request(1100).since]).toEqual([dueAt, 120]);
    state.heard(message({ previous: 130, clock: 140 }), 1200, true);

    expect([state.dueAt, state.request(1100).since]).toEqual([1225, 120]);
  });

  it('sync state (3): asks soon where a message is of another incarnation', () => {
    const { state, sync } = syncing();
    sync(1000);
    state.heard(message({ incarnation: 'i2' }), 1200, false);
    expect([state.dueAt, state.request(1200).since]).toEqual([1225, 100]);
  });

  it('sync state (6): reads everything, once, after news of another incarnation', () => {
    const { state, sync } = syncing();
    sync(1000);
    state.heard(message({ incarnation: 'i0' }), 1200, true);
    state.heard(message(), 1201, true);
    expect(state.dueAt).toBe(1225);
    const whole = sync(1225, { clock: 110, rulings: [rulingOf({ epoch: 90, state: 'closed' }, 'b')] });
    expect([whole.request.since, [...whole.census!]]).toEqual([0, [['b', 90]]]);

    expect([sync(2000).request.since, state.ticket(2000)]).toEqual([110, 5_000_000]);
  });

  it('sync state (6): reads everything after an answer of another incarnation', () => {
    const { state, sync } = syncing();
    sync(1000);
    state.noteReply({ incarnation: 'i0', nowUs: 6_000_000 }, 1100);
    expect(state.dueAt).toBe(1100);

    expect(sync(1100).census).toBeDefined();
  });

  it('sync state (6): reads everything also where a sync was under way when the news came, and one has failed since', () => {
    const { state } = syncing();
    const early = { ...state.request(0), since: 100 } as SyncRequest;
    state.incarnation = 'i1';
    state.heard(message({ incarnation: 'i0' }), 10, true);
    expect(state.synced(early, reply(), 20)).toBeUndefined();
    expect([state.dueAt, state.request(35).since]).toEqual([35, 0]);
    state.failed(200);
    const late = state.request(270) as SyncRequest;

    expect([late.since, state.synced(late, reply(), 280), state.request(300).since]).toEqual([0, new Map(), 100]);
  });

  it('sync state (6): goes on with a reading that has begun when the news come, for it ends after them', () => {
    const { state, sync } = syncing();
    sync(1000, { hasMore: true, clock: 50 });
    state.heard(message({ incarnation: 'i0' }), 1001, true);
    const rest = sync(1001);

    expect([rest.request.since, rest.census, state.request(1002).since]).toEqual([50, new Map(), 100]);
  });

  it('sync state (3): asks again for what was missed while an answer was on its way', () => {
    const { state } = syncing();
    state.subscribed(true, 0);
    const request = state.request(0) as SyncRequest;
    state.subscribed(true, 10);
    state.synced(request, reply(), 20);

    expect([state.dueAt, state.request(20).presence]).toEqual([10, true]);
  });

  it('sync state (4): polls at the pace that it is told, the second time soon, and not with the others', () => {
    const { state, sync } = syncing();
    state.subscribed(true, 0);
    sync(1000);
    expect(state.dueAt).toBe(1500);
    sync(1500, { pollMs: 4000 });
    expect(state.dueAt).toBe(5500);
    const [early, late] = [syncing(0), syncing(0.999_999)];
    for (const { state: each, sync: again } of [early, late]) {
      each.subscribed(true, 0);
      again(0);
      again(0);
    }

    expect([early.state.dueAt, Math.round(late.state.dueAt)]).toEqual([1800, 2200]);
  });

  it.each([
    [1, 250],
    [4000, 400],
    [90_000, 1000],
  ])('sync state (4): polls faster where it hears no messages: of %i nodes each every %i ms', (nodes, everyMs) => {
    const { state, sync } = syncing();
    sync(0, { nodes });
    sync(0, { nodes });
    expect([state.dueAt, state.longestSilenceMs, state.fleetSize]).toEqual([everyMs, 3 * everyMs, nodes]);
    expect([state.isFresh(3 * everyMs - 1), state.isFresh(3 * everyMs)]).toEqual([true, false]);
  });

  it('sync state (4): repeats a failed poll three times soon, and then less often', () => {
    const { state, sync } = syncing();
    state.subscribed(true, 0);
    sync(0);
    const waits = Array.from({ length: 7 }, () => {
      state.failed(1000);
      return state.dueAt - 1000;
    });
    expect(waits).toEqual([70, 70, 70, 750, 750, 750, 750]);
    expect([state.proposableAt(20_000), state.proposableAt(5000)]).toEqual([1750, -Infinity]);
    state.wantTicket(1001);
    expect(state.dueAt).toBe(1750);
    sync(5000);
    state.wantTicket(5001);

    expect([state.dueAt, state.proposableAt(5001)]).toEqual([5001, -Infinity]);
  });

  it('sync state (4): proposes less often where that gets no answer, though the ledger is heard', () => {
    const { state, sync } = syncing();
    state.subscribed(true, 0);
    sync(0);
    const waits = Array.from({ length: 6 }, () => {
      state.stepLost(1000);
      expect([state.ticket(1000), state.dueAt <= 1000]).toEqual([undefined, true]);
      sync(1000);
      return state.proposableAt(1000) - 1000;
    });
    expect(waits).toEqual([70, 70, 70, 750, 750, 750]);
    state.stepDone();
    expect(state.proposableAt(1000)).toBe(-Infinity);
  });

  it('asks for its presence to be noted every half a minute, and after each subscription', () => {
    const { state, sync } = syncing();
    sync(0);
    expect([state.request(29_999).presence, state.request(30_000).presence]).toEqual([false, true]);
    state.subscribed(true, 100);
    expect([state.request(101).presence, state.dueAt]).toEqual([true, 100]);
    sync(101);
    state.subscribed(false, 200);

    expect([state.dueAt, state.request(201).presence]).toEqual([450, false]);
  });

  it('says how long ago an epoch was given out, by the time of the ledger', () => {
    const { state, sync } = syncing();
    expect(state.epochAgeMs(1, 0)).toBe(-Infinity);
    sync(1000);
    expect([state.epochAgeMs(4_999_000, 1000), state.epochAgeMs(4_999_000, 1500)]).toEqual([1, 501]);
    expect(state.epochAgeMs(5_002_000, 1000)).toBe(-2);
  });

  it('counts the word of a ledger that it may not share with as silence', () => {
    const { state, sync } = syncing();
    sync(1000);
    state.problem = 'other shards';
    sync(2000);
    expect([state.heardAt, state.sharedAt]).toEqual([2000, 1000]);
  });

  it('is always one of the nodes', () => {
    const { state, sync } = syncing();
    sync(0, { nodes: 0 });
    expect(state.fleetSize).toBe(1);
  });
});

describe('problemOf', () => {
  it('is what keeps a node from sharing', () => {
    expect(problemOf(reply(), 1)).toBeUndefined();
    expect(problemOf(reply({ shards: 64 }), 1)).toBe('the fleet has 64 shards, and this process was told 1');
    expect(problemOf(reply({ readerMinor: 2 }), 1)).toBe('the fleet speaks minor version 2, and this process 1');
  });
});
