import {
  type FlushItem,
  MAX_HOLD_MS,
  MAX_LEASE_MS,
  MAX_TOLD,
  type Proposal,
  TICKET_TTL_MS,
} from '@holdfast/core/fleet';
import { describe, expect, it } from 'vitest';

import { circuitFlush, flushInput, readFlushReply } from './circuit-flush.ts';
import { circuitHold, holdInput, readAuditEntry, readHoldReply } from './circuit-hold.ts';
import { circuitKeys } from './circuit-keys.ts';
import { openReply } from './circuit-reply.ts';
import { circuitStep, readStepReply, stepInput } from './circuit-step.ts';
import { circuitSync, readSyncReply, syncInput } from './circuit-sync.ts';

const place = { keys: circuitKeys({ prefix: 'rb', namespace: 'prod', shard: 0 }), publishCommand: 'PUBLISH' } as const;
const sender = { node: 'a b', incarnation: 'n-1', ticketUs: 1_800_000_000_000_000, fleetSize: 3 };
const release = { kind: 'release', id: 'prices', basis: 7, lease: 'l.1' } as const;
const header = [1, 'n-1', '1800000000000001', '1800000000000000'];

describe('the scripts of circuits', () => {
  it('circuit reply (1): refuse a reply of another major version, or that is none', () => {
    const step = { ...sender, proposals: [release] };
    for (const reply of [null, 'OK', [], [2, ...header.slice(1)], [1, 'n-1', 'soon', '5'], [1, 'n-1', '5']]) {
      expect(() => openReply(reply)).toThrow('cannot be read');
    }
    expect(() => readStepReply(header, step)).toThrow('answers are missing');
    expect(() => readSyncReply([...header, '1', '0'])).toThrow('numbers are missing');
    expect(() => readHoldReply([...header, 'done', 'a,1,Z,0,0,0,0'])).toThrow('it says done a,1,Z');
    expect(() => readHoldReply([...header, 'later', 'a,1,C,0,0,0,0'])).toThrow('it says later a,1,C');
    expect(() => readFlushReply(header, { ...sender, sequence: 1, items: [{} as never] })).toThrow(
      'answers are missing',
    );
  });

  it('tell what of a reply cannot be read', () => {
    const step = { ...sender, proposals: [release, release] };
    const answers = ['noted', 'prices,8,Z,0,0,0,0', 'later 7', 'prices,9,C,0,0,0,0'];

    expect(readStepReply([...header, ...answers], step)).toMatchObject({
      results: [{ code: 'noted' }, { code: 'failed', message: 'later 7', ruling: { epoch: 9 } }],
      unreadable: [{ id: 'prices', epoch: 8, unreadable: 'Z' }],
    });
    expect(readSyncReply([...header, '3', '0', '2000', '1', '1', 'a,1,Z,0,0,0,0'])).toMatchObject({
      nodes: 3,
      rulings: [],
      unreadable: [{ id: 'a' }],
    });
  });

  it('name all keys that they touch, and one channel', () => {
    const item = { id: 'prices', basis: 0, successes: 1, failures: 2, ageMs: 3, bucketMs: 4, bucketCount: 5 };
    const rules = { minimumCalls: 6, failureRatio: 0.5, quorum: 7, openForMs: 8, fingerprint: '' };
    const reopening = { openMs: 9, backoffRatio: 1, maxOpenMs: 9 };
    const shared = ['rb1:{prod/0}:m', 'rb1:{prod/0}:v', 'rb1:{prod/0}:z'];
    const words = ['rb1:{prod/0}:e', 'PUBLISH', 'n-1', '1800000000000000', 'a%20b', '3'];

    expect(stepInput(place, { ...sender, proposals: [release] })).toEqual({
      keys: [...shared, 'rb1:{prod/0}:b:prices', 'rb1:{prod/0}:q:prices'],
      args: [...words, 'X prices 7 l.1'],
    });
    expect(flushInput(place, { ...sender, sequence: 4, items: [{ ...item, ...rules, ...reopening }] })).toEqual({
      keys: [...shared, 'rb1:{prod/0}:w:prices', 'rb1:{prod/0}:b:prices', 'rb1:{prod/0}:q:prices'],
      args: [...words, '4', 'prices 0 1 2 3 4 5 6 0.5 7 8 -'],
    });
    const poll = { node: 'a', incarnation: '', since: 0, presence: true, nodeTtlMs: 6, limit: 5, leaseTtlMs: 7 };
    expect(syncInput(place, { ...poll, nonce: 'x', shards: 1, minor: 1 })).toEqual({
      keys: [...shared, 'rb1:{prod/0}:n'],
      args: ['rb1:{prod/0}:e', 'PUBLISH', 'a', '-', '0', '5', '1', '6', '7', 'x', '1', '1'],
    });
    const hold = { id: 'prices', state: 'auto', forMs: 1, owner: 'Ada', reason: 'x'.repeat(200), basis: 2 } as const;
    expect(holdInput(place, { ...sender, ...hold })).toEqual({
      keys: [...shared, 'rb1:{prod/0}:b:prices', 'rb1:{prod/0}:q:prices', 'rbo1:{prod/0}:o'],
      args: [...words, 'prices', 'A', '1', '2', 'Ada', 'x'.repeat(100)],
    });
  });

  it('have one text for each proposal', () => {
    const based = { id: 'a b', basis: 7 };
    const reopening = { openMs: 1000.5, backoffRatio: 2, maxOpenMs: 5000 };
    const trip = { openForMs: 1, evidenceAgeMs: 2.25, maxEvidenceMs: Infinity, quorum: 3, ballotTtlMs: 4 };
    const round = { maxProbes: 1, neededSuccesses: 2, neededFailures: 3, maxLost: 4, maxPerNode: 5 };
    const claim = { want: 2, leaseTtlMs: 500, leaseBase: 'l', round };
    const report = { lease: 'l.1', succeeded: true, retryAfterMs: 0, rampMs: 9 };
    const ruling = {
      id: 'a b',
      epoch: 7,
      state: 'forced-open',
      remainingMs: -1,
      spanMs: 2,
      reopenings: 3,
      free: 0,
    } as const;
    const proposals: readonly Proposal[] = [
      { kind: 'trip', ...based, ...reopening, ...trip, why: 'slow calls', fingerprint: '' },
      { kind: 'claim', ...based, ...reopening, ...claim },
      { kind: 'report', ...based, ...reopening, ...report },
      { kind: 'report', ...based, ...reopening, ...report, succeeded: false },
      { kind: 'release', ...based, lease: 'l.1' },
      { kind: 'local-close', ...based, evidenceAgeMs: 1, successes: 2, neededSuccesses: 3, rampMs: 4 },
      { kind: 'seed', ...based, ruling: { ...ruling, notes: { by: 'x', later: 'y' } }, leaseTtlMs: 500 },
      { kind: 'bell', ...based, hotMs: 10_000 },
    ];

    expect(stepInput(place, { ...sender, proposals }).args.slice(6)).toEqual([
      'T a%20b 7 1 2.25 9000000000000000 3 4 slow%20calls -',
      'C a%20b 7 1000.5 2 5000 2 500 l 1 2 3 4 5',
      'R a%20b 7 1000.5 2 5000 l.1 1 0 9',
      'R a%20b 7 1000.5 2 5000 l.1 0 0 9',
      'X a%20b 7 l.1',
      'L a%20b 7 1 2 3 4',
      'S a%20b 7 500 F -1 2 3 by=x later=y',
      'B a%20b 7 10000',
    ]);
  });

  it('read each answer', () => {
    const texts = [
      'stale',
      'voted 2',
      'granted 400 l.1 l.2',
      'wait 30 full',
      'wait 30 later',
      'voted',
      'failed it is so',
    ];
    const reply = [...header, ...texts.flatMap((text) => [text, ''])];
    const read = readStepReply(reply, { ...sender, proposals: texts.map(() => release) });

    expect(read.results).toEqual([
      { code: 'stale' },
      { code: 'voted', ballots: 2 },
      { code: 'granted', leases: ['l.1', 'l.2'], remainingMs: 400 },
      { code: 'wait', forMs: 30, why: 'full' },
      { code: 'failed', message: 'wait 30 later' },
      { code: 'failed', message: 'voted' },
      { code: 'failed', message: 'it is so' },
    ]);
  });

  it('read each result of a flush, and the ruling after a hold', () => {
    const items = Array.from({ length: 4 }, () => ({ id: 'prices' }) as FlushItem);
    const texts = ['counted 5 2', '', 'done 5 7', 'prices,9,O,10,20,0,0,why=w', 'later 1 2', '', 'counted 5', ''];
    const ruling = { id: 'prices', epoch: 9, state: 'open', remainingMs: 10, spanMs: 20, notes: { why: 'w' } };

    expect(readFlushReply([...header, ...texts], { ...sender, sequence: 1, items }).results).toMatchObject([
      { code: 'counted', successes: 5, failures: 2 },
      { code: 'done', successes: 5, failures: 7, ruling },
      { code: 'failed', successes: 0, failures: 0 },
      { code: 'failed', successes: 0, failures: 0 },
    ]);
    expect(readHoldReply([...header, 'fenced', 'prices,9,O,10,20,0,0,why=w'])).toMatchObject({
      incarnation: 'n-1',
      code: 'fenced',
      ruling,
    });
    expect(openReply([1, '-', '5', '4'])).toEqual({ header: { incarnation: '', nowUs: 5, clock: 4 }, rest: [] });
  });

  it('read what operators did', () => {
    expect(readAuditEntry('1800000000000001 Ada,%20on%20call F prices 5000.5 - op 1800000000000000')).toEqual({
      atUs: 1_800_000_000_000_001,
      owner: 'Ada,%20on%20call'.replaceAll('%20', ' '),
      state: 'forced-open',
      id: 'prices',
      forMs: 5000.5,
      reason: '',
      node: 'op',
      epoch: 1_800_000_000_000_000,
    });
    expect(readAuditEntry('5 Ada Z prices 5 - op 7')).toBeUndefined();
    expect(readAuditEntry('5 Ada F')).toBeUndefined();
  });
});

describe('the texts of the scripts', () => {
  const scripts = [circuitStep, circuitSync, circuitFlush, circuitHold];

  it('have the limits of the protocol', () => {
    for (const { text } of scripts) {
      expect(text).toContain(`local TICKET_TTL_MS, MAX_TOLD, PACE_US_PER_NODE = ${TICKET_TTL_MS}, ${MAX_TOLD}, 14\n`);
      expect(text).toContain(`MAX_LEASE_MS = 9e15, 1296000000, ${MAX_LEASE_MS}\n`);
    }
    expect(circuitHold.text).toContain(`local MAX_HOLD_MS, MAX_AUDITED, AUDIT_TTL_MS = ${MAX_HOLD_MS},`);
  });

  it('touch nothing but KEYS, and publish on one channel, last, in pcall', () => {
    const keyed =
      /^(?:KEYS\[[^\]]+\]|key|round\.key|window\.key|op\.ballots|place\.round|place\.ballots|place\.window)$/;
    for (const { text, name } of scripts) {
      const calls = [...text.matchAll(/redis\.(\w+)\(([^,)]+)(?:, ?([^,)]+))?/g)].map(([, how, command, first]) => [
        how,
        command,
        first,
      ]);
      const others = calls.filter(([how, , first]) => how !== 'call' || !keyed.test(first ?? ''));
      expect([name, others]).toEqual([
        name,
        [
          ['call', "'TIME'", undefined],
          ['pcall', "'INFO'", "'server'"],
          ['pcall', 'ARGV[2]', 'ARGV[1]'],
        ],
      ]);
      // What these names stand for comes from KEYS.
      const sources = [
        ...text.matchAll(/\b(?:key|round|ballots|window) = ((?:KEYS|place\.|key\b|round\.)[^,}\n]*)/g),
      ].map(([, from]) => from);
      expect(sources.filter((from) => !/^(?:KEYS\[.+\]|place\.round|key|round\.key)$/.test(from ?? ''))).toEqual([]);
    }
  });

  it('use only commands that the access rules name', () => {
    const commands = scripts.flatMap(({ text }) =>
      [...text.matchAll(/redis\.p?call\('(\w+)'/g)].map(([, each]) => each),
    );

    expect(new Set(commands)).toEqual(
      new Set([
        'DEL',
        'HDEL',
        'HGET',
        'HGETALL',
        'HINCRBY',
        'HMGET',
        'HSET',
        'INFO',
        'LPUSH',
        'LTRIM',
        'PEXPIRE',
        'TIME',
        'ZADD',
        'ZCARD',
        'ZRANGEBYSCORE',
        'ZREMRANGEBYSCORE',
      ]),
    );
  });
});
