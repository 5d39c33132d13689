import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type ClusterTopology, startClusterTopology } from '../../redis-lab/cluster-topology.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type StoreMember, closeMembers, storeMember } from './store-member.ts';

const scriptRights =
  '+evalsha +eval +time +info +hget +hset +hmget +hgetall +hdel +hincrby +zadd +zcard +zrangebyscore +zremrangebyscore +del +pexpire';
const connectionRights = '+publish +subscribe +ping +hello';
const clusterRights = '+spublish +ssubscribe +cluster|slots +cluster|info +asking';
const places = '~rb1:{acl/* &rb1:{acl/*';
const options = { namespace: 'acl', quorum: { min: 1, ratio: 0 } };
const operatorRights = '~rbo1:{acl/* +lpush +ltrim +lrange';

/** The documented users: a node, and one that may hold circuits besides. */
const users = (more = ''): readonly string[] => {
  const node = `on >pw resetkeys resetchannels ${places} -@all ${scriptRights} ${connectionRights} ${more}`;
  return ['user default on nopass ~* &* +@all', `user app ${node}`, `user operator ${node} ${operatorRights}`];
};

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
    server = await startRedisServer({ users: users() });
    cluster = await startClusterTopology({ users: users(clusterRights) });
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
