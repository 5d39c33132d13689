/**
 * Odd data: keys of another type, words that nobody understands, rulings of a later version. What can be done is done.
 *
 * @module
 */

import type { Proposal, Ruling, StepReply, SyncReply } from '@holdfast/core/fleet';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { circuitKeys } from '../../../packages/redis/src/circuit/circuit-keys.ts';
import { circuitStep } from '../../../packages/redis/src/circuit/circuit-step.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type LedgerAnswer, type TimedLedger, timedLedger } from './timed-ledger.ts';

const NOW = 1_800_000_000_000_000;
const reopening = { openMs: 1000, backoffRatio: 1, maxOpenMs: 1000 };
const evidence = {
  openForMs: 1000,
  evidenceAgeMs: 0,
  maxEvidenceMs: 1e6,
  ballotTtlMs: 1000,
  why: 'w',
  fingerprint: 'f',
};

let server: RedisServer;
let ledger: TimedLedger;
let told: SyncReply;
let run = 0;
let keys = circuitKeys({ prefix: 'rb', namespace: 'odd0', shard: 0 });

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  const namespace = `odd${run++}`;
  keys = circuitKeys({ prefix: 'rb', namespace, shard: 0 });
  ledger = timedLedger(server.admin, namespace);
  told = await sync();
});

async function sync(): Promise<SyncReply> {
  const known = { incarnation: '', since: 0, presence: true, nodeTtlMs: 60_000, limit: 100, leaseTtlMs: 0 };
  const request = { node: 'a', ...known, nonce: 'x', shards: 1, minor: 1 };
  return (await ledger.ask({ method: 'sync', request }, NOW)).reply as SyncReply;
}

function step(...proposals: readonly Proposal[]): Promise<LedgerAnswer> {
  const sender = { node: 'a', incarnation: told.incarnation, ticketUs: told.nowUs, fleetSize: 0 };
  return ledger.ask({ method: 'step', request: { ...sender, proposals } }, NOW + 2000);
}

function trip(id: string, over: Partial<Proposal & { kind: 'trip' }> = {}): Proposal {
  return { kind: 'trip', id, basis: 0, ...reopening, ...evidence, quorum: 1, ...over };
}

const codes = ({ reply }: LedgerAnswer): string[] => (reply as StepReply).results.map(({ code }) => code);

async function lives(): Promise<[string, number][]> {
  const names = (await ledger.keys()).toSorted((a, b) => a.localeCompare(b));
  return Promise.all(names.map(async (name): Promise<[string, number]> => [name, await server.admin.pttl(name)]));
}

describe('the scripts, where the data is odd', () => {
  it('do the rest where one key is of another type, and tell it', async () => {
    await server.admin.set(keys.ballots('broken'), 'text', 'PX', 60_000);
    const answer = await step(trip('one'), trip('broken', { quorum: 2 }), trip('two'));

    expect(codes(answer)).toEqual(['done', 'failed', 'done']);
    expect(answer.messages.map((message) => message?.rulings.map(({ id }) => id))).toEqual([['one', 'two']]);
    expect((await sync()).clock).toBe(answer.reply.clock);
  });

  it('do the rest where one ruling cannot be read, and leave it out of what they tell', async () => {
    await step(trip('one'), trip('broken'), trip('two'));
    await server.admin.hset(keys.rulings, 'broken', 'gibberish');
    const basis = (await sync()).clock;

    expect((await sync()).rulings.map(({ id }) => id)).toEqual(['one', 'two']);
    expect(codes(await step(trip('broken', { basis }), trip('three')))).toEqual(['failed', 'done']);
  });

  it('do not know what a later version asks, and do the rest', async () => {
    const args = [keys.channel, 'PUBLISH', told.incarnation, told.nowUs, 'a', 0, 'Q one 0 1 2', 'T', 'T two 0 x y', ''];
    const places = ['one', 'two', 'three', 'four'].flatMap((id) => [keys.round(id), keys.ballots(id)]);
    const all = [keys.meta, keys.rulings, keys.changes, ...places];
    const reply = (await server.admin.eval(circuitStep.text, all.length, ...all, ...args)) as string[];

    expect(reply.slice(4).filter((text) => text !== '')).toHaveLength(4);
    expect(reply.slice(4).filter((text) => text !== '' && !text.startsWith('failed ') && text !== 'stale')).toEqual([]);
  });

  it('keep the notes of a later version while the epoch stays, and its state whatever it is', async () => {
    const text = `${NOW} C 0 0 0 0 later=a%20b other`;
    await server.admin.hset(keys.rulings, 'noted', text, 'strange', `${NOW} Z 0 0 0 0`);
    await step({ kind: 'bell', id: 'noted', basis: NOW, hotMs: 5000 });

    expect((await sync()).rulings).toMatchObject([
      { id: 'noted', epoch: NOW, notes: { later: 'a%20b' } },
    ] satisfies Partial<Ruling>[]);
    expect(codes(await step(trip('strange', { basis: NOW })))).toEqual(['already']);
    expect(codes(await step(trip('noted', { basis: NOW })))).toEqual(['done']);
    expect((await sync()).rulings.find(({ id }) => id === 'noted')?.notes).toEqual({ by: 'a', why: 'w', cf: 'f' });
  });

  it('charter M9: give every key longer to live than any time in it', async () => {
    const days = (count: number): number => count * 86_400_000;
    await step(trip('one'));
    expect((await lives()).map(([, ms]) => ms > days(1) - 60_000 || ms > 50_000)).not.toContain(false);
    await step(trip('long', { openForMs: days(3) }), trip('short'));
    const all = new Map(await lives());
    for (const key of [keys.meta, keys.rulings, keys.changes]) expect(all.get(key)).toBeGreaterThan(days(6) - 60_000);

    await step(trip('endless', { openForMs: days(100) }));
    const rulings = (await sync()).rulings;
    expect(rulings.find(({ id }) => id === 'endless')?.spanMs).toBe(days(15));
    expect(new Map(await lives()).get(keys.rulings)).toBeGreaterThan(days(30) - 60_000);
  });
});
