import { beforeEach, describe, expect, it } from 'vitest';

import type { Proposal, Result, RulingMessage, SyncReply, SyncRequest } from './fleet.ts';
import { type MemoryLedger, memoryLedger } from './memory-ledger.ts';

const START_MS = 1_800_000_000_000;
const rounds = { maxProbes: 2, neededSuccesses: 2, neededFailures: 2, maxLost: 1, maxPerNode: 2 };
const reopening = { openMs: 1000, backoffRatio: 2, maxOpenMs: 3000 };
const trip = { openForMs: 1000, evidenceAgeMs: 10, maxEvidenceMs: 11_000, quorum: 1, ballotTtlMs: 10_000 };

/** A ledger, and nodes that know what they were told last. */
function setUp() {
  const messages: RulingMessage[] = [];
  const ledger: MemoryLedger = memoryLedger({ serverId: 'first', onMessage: (message) => messages.push(message) });
  const told = new Map<string, SyncReply>();
  let nowMs = START_MS;
  const sync = (node: string, over: Partial<SyncRequest> = {}): SyncReply => {
    const last = told.get(node);
    const known = { incarnation: last?.incarnation ?? '', since: last?.clock ?? 0 };
    const fixed = { presence: true, nodeTtlMs: 60_000, limit: 100, leaseTtlMs: 500, nonce: node, shards: 1, minor: 1 };
    const reply = ledger.sync({ node, ...known, ...fixed, ...over }, nowMs * 1000);
    told.set(node, reply);
    return reply;
  };
  const propose = (node: string, ...proposals: readonly Proposal[]): readonly Result[] => {
    const { incarnation, nowUs: ticketUs } = told.get(node) ?? { incarnation: '', nowUs: 0 };
    return ledger.step({ node, incarnation, ticketUs, fleetSize: 3, proposals }, nowMs * 1000).results;
  };
  const epoch = (): number =>
    sync('reader', { since: 0, presence: false }).rulings.find(({ id }) => id === 'api')?.epoch ?? 0;
  const open = (node = 'a', over = {}): Result | undefined =>
    propose(node, {
      kind: 'trip',
      id: 'api',
      basis: epoch(),
      ...reopening,
      ...trip,
      why: 'w',
      fingerprint: 'f',
      ...over,
    })[0];
  const claim = (node: string, base: string, over = {}): Result | undefined => {
    const wanted = { want: 1, leaseTtlMs: 500, leaseBase: base, round: rounds };
    return propose(node, { kind: 'claim', id: 'api', basis: epoch(), ...reopening, ...wanted, ...over })[0];
  };
  const report = (node: string, lease: string, succeeded: boolean, over = {}): Result | undefined => {
    const fixed = { retryAfterMs: 0, rampMs: 0 };
    return propose(node, {
      kind: 'report',
      id: 'api',
      basis: epoch(),
      ...reopening,
      ...fixed,
      lease,
      succeeded,
      ...over,
    })[0];
  };
  const hold = (state: 'forced-open' | 'forced-closed' | 'auto' | 'closed', over = {}) => {
    const { incarnation, nowUs: ticketUs } = sync('op', { presence: false });
    const who = { owner: 'alice', reason: 'deploy', node: 'op', incarnation, ticketUs, fleetSize: 3 };
    return ledger.hold({ id: 'api', state, forMs: 5000, basis: epoch(), ...who, ...over }, nowMs * 1000).ruling;
  };
  const after = (ms: number): void => void (nowMs += ms);
  sync('a');
  sync('b');
  after(500);
  return { ledger, messages, told, sync, propose, epoch, open, claim, report, hold, after, nowUs: () => nowMs * 1000 };
}

let fleet: ReturnType<typeof setUp>;

beforeEach(() => {
  fleet = setUp();
});

describe('memoryLedger', () => {
  it('opens by a trip, half-opens by a claim, and closes by enough successes', () => {
    expect(fleet.open()).toMatchObject({
      code: 'done',
      ruling: { state: 'open', remainingMs: 1000, notes: { by: 'a', why: 'w', cf: 'f' } },
    });
    fleet.after(1000);
    expect(fleet.claim('b', 'x', { want: 2 })).toMatchObject({
      code: 'granted',
      leases: ['x.1', 'x.2'],
      remainingMs: 500,
      ruling: { state: 'half-open', free: 0, notes: { by: 'b', why: 'w', lt: '500' } },
    });
    expect(fleet.report('b', 'x.1', true)).toMatchObject({ code: 'noted', ruling: { free: 1 } });
    expect(fleet.report('b', 'x.2', true, { rampMs: 300 })).toMatchObject({
      code: 'done',
      ruling: { state: 'closed', remainingMs: 300, spanMs: 300, notes: { by: 'b', why: 'recovered' } },
    });
  });

  it('(1) tells everything to whoever knows another incarnation, or more than the ledger', () => {
    fleet.open();

    expect(fleet.sync('a', { incarnation: 'other' }).rulings).toHaveLength(1);
    expect(fleet.sync('a', { since: 9e15 }).rulings).toHaveLength(1);
    expect(fleet.sync('a').rulings).toEqual([]);
  });

  it('(2) tells changes in order, nothing twice, and the rest with the next sync', () => {
    for (const id of ['one', 'two', 'three']) fleet.open('a', { id, basis: 0 });
    const first = fleet.sync('b', { limit: 2 });
    const second = fleet.sync('b', { limit: 2 });

    expect([first.rulings.map(({ id }) => id), first.hasMore]).toEqual([['one', 'two'], true]);
    expect([second.rulings.map(({ id }) => id), second.hasMore]).toEqual([['three'], false]);
  });

  it('(3) begins a new incarnation after a restart, a failover or FLUSHALL: no old ticket is good', () => {
    for (const fail of [
      () => fleet.ledger.flushAll(),
      () => fleet.ledger.restart('second'),
      () => fleet.ledger.snapshot()('third'),
    ]) {
      fail();
      const before = fleet.told.get('a')?.incarnation;
      expect(fleet.sync('b').incarnation).not.toBe(before);
      expect(fleet.open('a')).toEqual({ code: 'stale' });
      fleet.sync('a');
      expect(fleet.open('a', { evidenceAgeMs: 0 })?.code).toBe('done');
      fleet.hold('closed');
      fleet.after(1);
    }
  });

  it('(3) notices another server with the claim that comes before any sync', () => {
    fleet.open();
    fleet.after(1000);
    fleet.ledger.snapshot()('second');

    expect(fleet.claim('a', 'x')).toEqual({ code: 'stale' });
  });

  it('knows no failover where it does not know its server', () => {
    const { incarnation } = fleet.sync('a');
    fleet.ledger.snapshot()('');

    expect(fleet.sync('a').incarnation).toBe(incarnation);
  });

  it('(4) holds a circuit against all proposals until it is ended', () => {
    expect(fleet.hold('forced-open')).toMatchObject({
      state: 'forced-open',
      remainingMs: 5000,
      notes: { by: 'alice', why: 'held', for: 'deploy' },
    });
    expect(fleet.open()?.code).toBe('already');
    expect(fleet.claim('a', 'x')?.code).toBe('already');
    expect(fleet.hold('auto')).toMatchObject({ state: 'open', remainingMs: 0, notes: { why: 'released' } });
    expect(fleet.claim('a', 'x')?.code).toBe('granted');
    expect(fleet.hold('forced-closed')).toMatchObject({ state: 'forced-closed' });
    expect(fleet.open()?.code).toBe('already');
    expect(fleet.hold('auto')).toMatchObject({ state: 'closed' });
    expect(fleet.hold('closed').epoch).toBeGreaterThan(fleet.sync('b').nowUs);
  });

  it('counts who is there and has not left, and spreads the polls of a large fleet', () => {
    for (let node = 0; node < 3000; node++) fleet.sync(`n${node}`);
    expect(fleet.sync('a')).toMatchObject({ nodes: 3002, pollMs: 3002 });
    expect(fleet.sync('n7', { nodeTtlMs: 0 })).toMatchObject({ nodes: 3001 });
    expect(fleet.sync('a')).toMatchObject({ nodes: 3001 });
    fleet.after(60_000);
    expect(fleet.sync('a')).toMatchObject({ nodes: 1, pollMs: 2000 });
  });

  it('says for how many shards it was made', () => {
    expect(fleet.sync('c', { shards: 64 })).toMatchObject({ shards: 1, readerMinor: 1 });
  });
});

describe('a ledger turn', () => {
  it('ledger turn (1): gives each transition a higher epoch, also when the clock steps back or a node knows more', () => {
    const epochs = [fleet.hold('closed').epoch, fleet.hold('closed', { basis: 5e15 }).epoch];
    fleet.ledger.offsetUs = -3_600_000_000;
    epochs.push(fleet.hold('closed').epoch, fleet.hold('closed').epoch);

    expect(epochs).toEqual([fleet.nowUs(), 5e15 + 1, 5e15 + 2, 5e15 + 3]);
  });

  it('ledger turn (2): never has more time left than the span, and the time goes on after the clock has stepped back', () => {
    fleet.open();
    fleet.ledger.offsetUs = -3_600_000_000;

    expect(fleet.sync('b', { since: 0 }).rulings).toMatchObject([{ remainingMs: 1000, spanMs: 1000 }]);
    fleet.after(400);
    expect(fleet.sync('b', { since: 0 }).rulings).toMatchObject([{ remainingMs: 600 }]);
  });

  it('ledger turn (3): reads a hold whose time is over as what follows it, at the same epoch', () => {
    const opened = fleet.hold('forced-open');
    fleet.after(5000);
    expect(fleet.sync('b').rulings).toMatchObject([{ state: 'open', epoch: opened.epoch, remainingMs: 0 }]);
    const closed = fleet.hold('forced-closed');
    fleet.after(5000);
    expect(fleet.sync('b').rulings).toMatchObject([
      { state: 'closed', epoch: closed.epoch, remainingMs: 0, spanMs: 0 },
    ]);
  });

  it('ledger turn (4), (5): paces messages by the size of the fleet, and chains them', () => {
    const { messages, propose, sync, after } = fleet;
    const trips = (prefix: string): Proposal[] =>
      Array.from({ length: 40 }, (_, index) => {
        const who = { kind: 'trip', id: `${prefix}${index}`, basis: 0 } as const;
        return { ...who, ...reopening, ...trip, why: 'w', fingerprint: 'f' };
      });
    propose('a', ...trips('x'));
    propose('a', ...trips('y'));
    expect(messages.map(({ rulings }) => rulings.length)).toEqual([32]);
    after(1);
    sync('b', { presence: false });
    after(1);
    sync('b', { presence: false });
    after(1);
    sync('b', { presence: false });

    expect(messages.map(({ rulings }) => rulings.length)).toEqual([32, 32, 16]);
    expect(messages.slice(1).map(({ previous }) => previous)).toEqual(messages.slice(0, -1).map(({ clock }) => clock));
  });
});

describe('a ledger round', () => {
  const halfOpen = (over = {}): void => {
    fleet.open();
    fleet.after(1000);
    expect(fleet.claim('a', 'x', over)?.code).toBe('granted');
  };

  it('ledger round (1): has no more than K leases out, and no more than S + F - 1 that count', () => {
    halfOpen({ want: 5, round: { ...rounds, maxPerNode: 9 } });
    expect(fleet.claim('b', 'y')).toMatchObject({ code: 'wait', why: 'full', forMs: 500 });
    fleet.report('a', 'x.1', true);
    fleet.report('a', 'x.2', false);

    expect(fleet.claim('b', 'y', { want: 5 })).toMatchObject({ leases: ['y.1'], ruling: { free: 0 } });
  });

  it('ledger round (2): grants a name once', () => {
    halfOpen();
    fleet.after(100);
    expect(fleet.claim('a', 'x')).toMatchObject({ code: 'granted', leases: ['x.1'], remainingMs: 400 });
    fleet.propose('a', { kind: 'release', id: 'api', basis: fleet.epoch(), lease: 'x.1' });
    expect(fleet.claim('a', 'x')).toMatchObject({ code: 'wait', forMs: 0 });
    expect(fleet.claim('a', 'z')).toMatchObject({ code: 'granted' });
  });

  it('ledger round (3): gives a node its share, and more only when nobody else comes', () => {
    halfOpen({ want: 2, round: { ...rounds, maxPerNode: 1 } });
    fleet.report('a', 'x.1', true);
    expect(fleet.claim('a', 'y')).toMatchObject({ code: 'wait', why: 'full', forMs: 500 });
    fleet.after(500);
    expect(fleet.claim('a', 'y')).toMatchObject({ code: 'granted' });
  });

  it('ledger round (3): does not count leases that were released or lost', () => {
    halfOpen({ round: { ...rounds, maxPerNode: 1 } });
    fleet.propose('a', { kind: 'release', id: 'api', basis: fleet.epoch(), lease: 'x.1' });
    expect(fleet.claim('a', 'y')).toMatchObject({ code: 'granted' });
    fleet.after(500);
    expect(fleet.claim('a', 'z')).toMatchObject({ code: 'granted' });
  });

  it('ledger round (4): takes nothing from a lease that was reported, released or lost', () => {
    halfOpen({ want: 2 });
    expect(fleet.report('a', 'x.1', true)?.code).toBe('noted');
    expect(fleet.report('a', 'x.1', true)?.code).toBe('lease-gone');
    fleet.after(500);
    expect(fleet.report('a', 'x.2', true)?.code).toBe('lease-gone');
  });

  it('lets leases and shares end in time after the clock has stepped back', () => {
    halfOpen({ want: 2 });
    fleet.ledger.offsetUs = -3_600_000_000;
    fleet.sync('a');
    for (const why of ['hold', 'full']) {
      expect(fleet.claim('a', 'y')).toMatchObject({ code: 'wait', forMs: 500, why });
      fleet.after(500);
    }
    expect(fleet.claim('a', 'y')).toMatchObject({ code: 'done', ruling: { state: 'open', reopenings: 1 } });
  });
});

describe('a ledger step', () => {
  const halfOpen = (): void => {
    fleet.open();
    fleet.after(1000);
    fleet.claim('a', 'x', { want: 2 });
  };

  it('ledger step (1): fences what is based on another epoch', () => {
    halfOpen();
    const stale = { basis: 1 };
    expect(fleet.open('a', stale)?.code).toBe('fenced');
    expect(fleet.claim('a', 'y', stale)?.code).toBe('fenced');
    expect(fleet.report('a', 'x.1', true, stale)?.code).toBe('fenced');
    expect(fleet.report('a', 'x.1', true, { basis: 9e15 })?.code).toBe('fenced');
    expect(fleet.claim('a', 'y', { basis: 9e15 })?.code).toBe('seed-first');
    expect(fleet.claim('a', 'y', { basis: 9.1e15 })).toEqual({ code: 'failed', message: 'no epoch' });
  });

  it('ledger step (1): welcomes claims on what the round has grown from', () => {
    const basis = fleet.open()?.ruling?.epoch;
    fleet.after(1000);
    expect(fleet.claim('a', 'x', { basis })?.code).toBe('granted');
    expect(fleet.claim('b', 'y', { basis })?.code).toBe('granted');
  });

  it('ledger step (1): goes on from closed where the ledger has lost that', () => {
    const basis = fleet.nowUs() + 1;
    fleet.after(100);

    expect(fleet.open('a', { basis })).toMatchObject({ code: 'done', ruling: { state: 'open' } });
  });

  it('does not know what a later version asks', () => {
    const later = { kind: 'later', id: 'api', basis: 0 } as unknown as Proposal;

    expect(fleet.propose('a', later)).toEqual([{ code: 'failed', message: 'no such proposal' }]);
  });

  it('ledger step (2): refuses a ticket that is old, or from the future', () => {
    fleet.after(14_500);
    expect(fleet.open('a', { evidenceAgeMs: 0 })?.code).toBe('done');
    fleet.hold('closed');
    fleet.after(1);
    expect(fleet.open()).toEqual({ code: 'stale' });
    fleet.sync('a');
    fleet.ledger.offsetUs = -1000;
    expect(fleet.open('a', { evidenceAgeMs: 0 })).toEqual({ code: 'stale' });
  });

  it('ledger step (3): refuses evidence from before the ruling, or too old', () => {
    fleet.hold('closed');
    fleet.after(10);
    expect(fleet.open('a', { evidenceAgeMs: 10.001 })?.code).toBe('old-evidence');
    expect(fleet.open('a', { evidenceAgeMs: 9, maxEvidenceMs: 8 })?.code).toBe('old-evidence');
    expect(fleet.open('a', { evidenceAgeMs: 10, maxEvidenceMs: Infinity })?.code).toBe('done');
  });

  it('ledger step (3): opens by a quorum of nodes whose ballots are good', () => {
    expect(fleet.open('a', { quorum: 2 })).toMatchObject({ code: 'voted', ballots: 1 });
    expect(fleet.open('a', { quorum: 2 })).toMatchObject({ code: 'voted', ballots: 1 });
    fleet.after(10_000);
    expect(fleet.open('b', { quorum: 2 })).toMatchObject({ code: 'voted', ballots: 1 });
    fleet.after(1);
    expect(fleet.open('a', { quorum: 2 })).toMatchObject({ code: 'done', ruling: { notes: { by: 'b+a' } } });
  });

  it('ledger step (4): opens again for longer, by failures', () => {
    halfOpen();
    fleet.report('a', 'x.1', false);
    expect(fleet.report('a', 'x.2', false)).toMatchObject({
      code: 'done',
      ruling: { state: 'open', spanMs: 2000, reopenings: 1, notes: { by: 'a', why: 'probes' } },
    });
    fleet.after(2000);
    fleet.claim('a', 'y', { want: 2 });
    fleet.report('a', 'y.1', false, { retryAfterMs: 9000 });
    expect(fleet.report('a', 'y.2', false, { retryAfterMs: 9000 })).toMatchObject({ ruling: { spanMs: 3000 } });
  });

  it('ledger step (4): opens again by lost leases, more than V', () => {
    halfOpen();
    fleet.after(500);

    expect(fleet.claim('b', 'y')).toMatchObject({
      code: 'done',
      ruling: { state: 'open', reopenings: 1, notes: { why: 'lost-probes' } },
    });
  });

  it('ledger step (5): grants nothing before the open time is over, or while old leases may live', () => {
    fleet.open();
    fleet.after(999);
    expect(fleet.claim('a', 'x')).toMatchObject({ code: 'wait', forMs: 1, why: 'early' });
    fleet.ledger.snapshot()('second');
    fleet.sync('a');
    fleet.sync('reader'); // who reads epochs below
    fleet.after(499);
    expect(fleet.claim('a', 'x')).toMatchObject({ code: 'wait', forMs: 1, why: 'hold' });
    fleet.after(1);
    expect(fleet.claim('a', 'x')).toMatchObject({ code: 'granted' });
  });

  it('ledger step (5): grants nothing while leases may live of a node that comes later, from an earlier incarnation', () => {
    fleet.open();
    fleet.after(1000);
    fleet.ledger.snapshot()('second');
    fleet.sync('newcomer', { leaseTtlMs: 0, incarnation: '' });
    fleet.after(300);
    fleet.sync('a'); // its leases were granted by the first server
    fleet.sync('reader');
    fleet.after(499);
    expect(fleet.claim('a', 'x')).toMatchObject({ code: 'wait', forMs: 1, why: 'hold' });
  });

  it('ledger step (6), charter M8: does nothing twice', () => {
    const basis = fleet.epoch();
    fleet.open('a', { basis });
    expect(fleet.open('a', { basis })?.code).toBe('fenced');
    fleet.after(1000);
    const { epoch = 0 } = fleet.claim('a', 'x')?.ruling ?? {};
    const again = fleet.claim('a', 'x');
    expect([again?.code, again?.ruling?.epoch]).toEqual(['granted', epoch]);
    fleet.report('a', 'x.1', true, { basis: epoch });
    expect(fleet.report('a', 'x.1', true, { basis: epoch })?.code).toBe('lease-gone');
  });

  it('closes by a success of later than the open time, while the ledger was away', () => {
    const { ruling } = fleet.open() ?? {};
    const close = { kind: 'local-close', id: 'api', basis: ruling?.epoch ?? 0, neededSuccesses: 1, rampMs: 0 } as const;
    fleet.after(1500);
    expect(fleet.propose('a', { ...close, evidenceAgeMs: 501, successes: 1 })).toMatchObject([
      { code: 'old-evidence' },
    ]);
    expect(fleet.propose('a', { ...close, evidenceAgeMs: 1, successes: 0 })).toMatchObject([{ code: 'old-evidence' }]);
    expect(fleet.propose('a', { ...close, evidenceAgeMs: 500, successes: 1 })).toMatchObject([
      { code: 'done', ruling: { state: 'closed', notes: { why: 'recovered' } } },
    ]);
  });

  it('takes a ruling over that it has lost, and a half-open one as open', () => {
    const opened = fleet.open()?.ruling;
    if (opened === undefined) throw new Error('no ruling');
    const lost = { ...opened, notes: { ...opened.notes, later: 'word', hot: '5' } };
    fleet.ledger.flushAll();
    fleet.sync('a');
    const seed = { kind: 'seed', id: 'api', basis: opened.epoch, leaseTtlMs: 500 } as const;
    expect(fleet.propose('a', { ...seed, ruling: lost })).toMatchObject([{ code: 'done' }]);
    expect(fleet.sync('b').rulings).toEqual([{ ...opened, notes: { ...opened.notes, later: 'word' } }]);
    expect(fleet.propose('a', { ...seed, ruling: lost })).toMatchObject([{ code: 'already' }]);
    const basis = opened.epoch + 5;
    expect(fleet.propose('a', { ...seed, basis, ruling: { ...opened, state: 'half-open' } })).toMatchObject([
      { code: 'done', ruling: { state: 'open', spanMs: 500, notes: { why: 'seeded' } } },
    ]);
  });

  it('rings once for a whole fleet, at the same epoch', () => {
    const bell = { kind: 'bell', id: 'api', basis: 0, hotMs: 10_000 } as const;
    expect(fleet.propose('a', bell)).toMatchObject([{ code: 'done', ruling: { epoch: 0, notes: { hot: '10000' } } }]);
    fleet.after(4999);
    expect(fleet.propose('b', bell)).toMatchObject([{ code: 'already', ruling: { notes: { hot: '5001' } } }]);
    fleet.after(1);
    expect(fleet.propose('b', bell)).toMatchObject([{ code: 'already' }]);
    fleet.after(1);
    expect(fleet.propose('b', bell)).toMatchObject([{ code: 'done' }]);
    fleet.after(10_000);
    expect(fleet.sync('b').rulings).toMatchObject([{ notes: {} }]);
  });
});

describe('a ledger flush', () => {
  let sequence = 0;
  const flush = (node: string, [successes, failures]: readonly [number, number], over = {}) => {
    const window = { bucketMs: 1000, bucketCount: 10, minimumCalls: 6, failureRatio: 0.5, quorum: 2 };
    const item = { id: 'api', basis: 0, successes, failures, ageMs: 100, ...window, ...reopening, openForMs: 1000 };
    const { incarnation, nowUs } = fleet.told.get(node) ?? { incarnation: '', nowUs: 0 };
    const sender = { node, incarnation, ticketUs: nowUs, fleetSize: 3 };
    const items = [{ ...item, fingerprint: 'f', ...over }];
    return fleet.ledger.flush({ ...sender, sequence: ++sequence, items }, fleet.nowUs()).results[0];
  };

  it('ledger flush (1): counts once, under the epoch that stands, inside the window', () => {
    expect(flush('a', [2, 1])).toMatchObject({ code: 'counted', successes: 2, failures: 1 });
    sequence -= 1;
    expect(flush('a', [2, 1])).toMatchObject({ code: 'counted', successes: 2, failures: 1 });
    expect(flush('a', [9, 9], { ageMs: 10_000 })).toMatchObject({ code: 'counted', successes: 2, failures: 1 });
    expect(flush('a', [9, 9], { basis: 7 })).toMatchObject({ code: 'fenced', successes: 0, ruling: { epoch: 0 } });
    fleet.after(10_000);
    expect(flush('a', [1, 0])).toMatchObject({ code: 'counted', successes: 1, failures: 0 });
    fleet.after(15_000);
    expect(flush('a', [1, 0])).toMatchObject({ code: 'stale' });
  });

  it('ledger flush (2): opens by the sums of the fleet, where a quorum of nodes has seen failures', () => {
    flush('a', [0, 5]);
    expect(flush('b', [4, 0])).toMatchObject({ code: 'counted', successes: 4, failures: 5 });
    expect(flush('b', [0, 1])).toMatchObject({
      code: 'done',
      successes: 4,
      failures: 6,
      ruling: { state: 'open', spanMs: 1000, notes: { by: 'a+b', why: 'failure-ratio', cf: 'f' } },
    });
  });

  it('forgets who has failed together with the failures', () => {
    flush('a', [0, 5]);
    fleet.after(10_000);

    expect(flush('b', [0, 9])).toMatchObject({ code: 'counted', failures: 9 });
  });
});
