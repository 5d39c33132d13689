import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { circuitUsers } from '../../redis/circuit-rights.ts';
import { type ClusterTopology, startClusterTopology } from '../../redis-lab/cluster-topology.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type StoreMember, closeMembers, storeMember } from './store-member.ts';

const options = { namespace: 'acl', quorum: { min: 1, ratio: 0 } };

/** Lets two nodes and an operator do all there is, and says what was denied. */
async function denials(one: StoreMember, other: StoreMember, operator: StoreMember): Promise<readonly string[]> {
  const all = [one, other, operator];
  await Promise.all(all.map((member) => member.isMode('shared')));
  await Promise.all(all.map((member) => member.hears(true)));
  one.trip();
  await other.becomes('open');
  await operator.store.hold('prices', 'open', { owner: 'op', forMs: 60_000 });
  await one.becomes('forced-open');
  await operator.store.closeCircuit('prices', { owner: 'op' });
  await other.becomes('closed');
  expect(await operator.store.audit()).toHaveLength(2);
  const denied = all.flatMap(({ told }) => told.filter(({ type }) => type === 'circuit-store.denied'));
  await closeMembers(...all);
  return denied.map(({ message }) => String(message));
}

describe('a store with the documented rights, and no others', () => {
  let server: RedisServer;
  let cluster: ClusterTopology;

  beforeAll(async () => {
    server = await startRedisServer({ users: circuitUsers('acl') });
    cluster = await startClusterTopology({ users: circuitUsers('acl', true) });
  });
  afterAll(async () => {
    await Promise.all([server.stop(), cluster.stop()]);
  });

  const lone = (username: string): StoreMember =>
    storeMember(new Redis({ port: server.port, username, password: 'pw', lazyConnect: true }), options);

  const clustered = (username: string): StoreMember => {
    const redisOptions = { username, password: 'pw' };
    return storeMember(new Cluster([...cluster.startupNodes], { lazyConnect: true, redisOptions }), options);
  };

  it('does all it can on one server', async () => {
    expect(await denials(lone('app'), lone('app'), lone('operator'))).toEqual([]);
  });

  it('does all it can in a Cluster', async () => {
    expect(await denials(clustered('app'), clustered('app'), clustered('operator'))).toEqual([]);
  });

  it('charter L4: may not hold circuits as a node, and says so once', async () => {
    const node = lone('app');
    await node.isMode('shared');
    const wish = { owner: 'nobody', forMs: 1000 };
    await expect(node.store.hold('prices', 'open', wish)).rejects.toMatchObject({ trouble: 'denied' });
    await expect(node.store.hold('prices', 'open', wish)).rejects.toMatchObject({ trouble: 'denied' });

    expect(node.told.filter(({ type }) => type === 'circuit-store.denied')).toHaveLength(1);
    expect(node.store.health()).toMatchObject({ mode: 'shared', problem: undefined });
    expect(node.breaker.state).toBe('closed');
    await closeMembers(node);
  });
});
