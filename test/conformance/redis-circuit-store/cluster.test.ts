import { type RedisCircuitStoreOptions } from '@holdfast/redis';
import { Cluster } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type ClusterTopology, startClusterTopology } from '../../redis-lab/cluster-topology.ts';
import { type StoreMember, closeMembers, storeMember } from './store-member.ts';

let cluster: ClusterTopology;
let namespace = '';
let count = 0;
let members: StoreMember[] = [];

beforeAll(async () => {
  cluster = await startClusterTopology({ hasReplicas: true });
});
afterAll(() => cluster.stop());
beforeEach(() => {
  namespace = `n${++count}`;
  members = [];
});
afterEach(() => closeMembers(...members));

/** Two members that share already and hear messages; `client` are options of their clients. */
async function pair(
  client: object = {},
  options: Partial<RedisCircuitStoreOptions> = {},
): Promise<[StoreMember, StoreMember]> {
  const make = (): StoreMember => {
    const redis = new Cluster([...cluster.startupNodes], { lazyConnect: true, ...client });
    return storeMember(redis, { namespace, shardCount: 1, ...options });
  };
  const [one, other] = [make(), make()];
  members.push(one, other);
  await Promise.all([one.isMode('shared'), other.isMode('shared')]);
  await Promise.all([one.hears(true), other.hears(true)]);
  return [one, other];
}

/** Lets a member trip, and returns how long it takes until another one is open. Closed again afterwards. */
async function spreads(from: StoreMember, to: StoreMember): Promise<number> {
  from.trip();
  const ms = await to.becomes('open');
  await from.closes();
  await Promise.all([from.becomes('closed'), to.becomes('closed')]);
  return ms;
}

/** The slot of the only shard of this test's namespace. */
function slot(): Promise<number> {
  return cluster.slotOf(`{${namespace}/0}`);
}

describe('a store in a Cluster', () => {
  it.each<[string, object]>([
    ['as it is', {}],
    ['auto-pipelining', { enableAutoPipelining: true }],
    ['RESP2', { redisOptions: { protocol: 2 } }],
    ['reads from replicas', { scaleReads: 'slave' }],
    ['subscribers of its own', { shardedSubscribers: true }],
    ['no retries', { clusterRetryStrategy: () => null }],
  ])('shares by messages whatever the client was made with: %s', async (_name, client) => {
    const [one, other] = await pair(client);

    expect(await spreads(one, other)).toBeLessThan(500);
    expect(one.count('step', 'error')).toBe(0);
  });

  it('charter M4, M12: spreads circuits over shards, and connects to the masters in use only', async () => {
    const [one, other] = await pair({}, { shardCount: 64 });

    expect(await spreads(one, other)).toBeLessThan(500);
    expect(one.store.health().shards).toEqual({ used: 2, heard: 2 }); // that of the circuit, and the first
  });

  it('publishes within the shard, to those who subscribed there', async () => {
    const [one, other] = await pair();
    const master = await cluster.masterOf(await slot());
    await master.resetCalls();
    await spreads(one, other);

    const calls = await master.calls();
    expect(calls['spublish']).toBeGreaterThanOrEqual(2);
    expect(calls['publish']).toBeUndefined();
  });

  it('follows its slot to another master', async () => {
    const [one, other] = await pair();
    const from = await cluster.masterOf(await slot());
    const to = await cluster.masterOf(((await slot()) + 8192) % 16_384);
    expect(to.port).not.toBe(from.port);
    await cluster.moveSlot(await slot(), to);

    expect(await spreads(one, other)).toBeLessThan(3000);
    await Promise.all([one.hears(true), other.hears(true)]);
    expect(await spreads(one, other)).toBeLessThan(500);
    expect(one.told.map(({ type }) => type)).toEqual(['circuit-store.mode-changed']);
  });

  it('goes on with the replica that takes over', async () => {
    const [one, other] = await pair();
    await one.holds('open');
    await other.becomes('forced-open');
    await cluster.failOverByCommand(await slot());
    await Promise.all([one.isMode('shared'), other.isMode('shared')]);
    await Promise.all([one.hears(true), other.hears(true)]);
    expect([one.breaker.state, other.breaker.state]).toEqual(['forced-open', 'forced-open']);

    await one.store.release('prices', { owner: 'test' });
    await one.closes();
    await other.becomes('closed');
    expect(await spreads(one, other)).toBeLessThan(500);
  });

  it('is back within 3 seconds after its master has died and another one has its slots', async () => {
    const [one, other] = await pair();
    await one.holds('open');
    await other.becomes('forced-open');
    await cluster.failOverByKill(await slot());

    expect(Math.max(await one.isMode('shared'), await other.isMode('shared'))).toBeLessThan(3000);
    await Promise.all([one.hears(true), other.hears(true)]);
    expect([one.breaker.state, other.breaker.state]).toEqual(['forced-open', 'forced-open']);
    await one.closes();
    await other.becomes('closed');
    expect(await spreads(one, other)).toBeLessThan(500);
  });

  it('reads what operators did in all shards', async () => {
    const [one] = await pair({}, { shardCount: 4 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await one.store.closeCircuit(name, { owner: 'test' });

    expect((await one.store.audit(3)).map(({ id }) => id)).toEqual(['e', 'd', 'c']);
  });
});
