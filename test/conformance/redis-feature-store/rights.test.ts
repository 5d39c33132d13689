import { createEvents } from '@holdfast/core';
import { createDegradation, defineFeatures, findTampering } from '@holdfast/degradation';
import { redisFeatureStore, redisLevelBallot } from '@holdfast/redis';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { type ClusterTopology, startClusterTopology } from '../../redis-lab/cluster-topology.ts';
import { eventually } from '../../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { featureUsers } from '../../redis/feature-rights.ts';

const features = defineFeatures({ search: { modes: ['full', 'reduced', 'off'] } });
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };

let server: RedisServer;
let cluster: ClusterTopology;

beforeAll(async () => {
  server = await startRedisServer({ users: featureUsers('acl') });
  cluster = await startClusterTopology({ users: featureUsers('acl', true) });
});
afterAll(async () => {
  await Promise.all([server.stop(), cluster.stop()]);
});
beforeEach(() => server.admin.flushall());

const lone = (username: string) => new Redis({ port: server.port, username, password: 'pw', lazyConnect: true });
const clustered = (username: string) =>
  new Cluster([...cluster.startupNodes], { lazyConnect: true, redisOptions: { username, password: 'pw' } });

/** One process, and what it was denied. */
function member(client: Redis | Cluster, namespace = 'acl') {
  const denied: string[] = [];
  const events = createEvents();
  events.listen(({ type, ...rest }) => {
    const { operation, message } = rest as unknown as Readonly<Record<string, string>>;
    if (type === 'feature-store.denied') denied.push(`${operation} ${message}`);
  });
  const store = redisFeatureStore(client, { namespace, events, commandTimeoutMs: 2000, pollMs: 100 });
  const degradation = createDegradation({ features, store, events });
  onTestFinished(async () => {
    degradation.close();
    await store.close();
  });
  return { store, degradation, denied };
}

describe.each([
  ['one server', lone],
  ['a Cluster', clustered],
])('a store with the documented rights, and no others, on %s', (_what, clientOf) => {
  it('does all it can', async () => {
    const [one, other] = [member(clientOf('features')), member(clientOf('features'))];
    await Promise.all([one.store.ready(), other.store.ready()]);
    await eventually(() => one.store.health().isHeard && other.store.health().isHeard, { what: 'subscriptions' });
    one.degradation.set('search', 'off', change);
    await eventually(() => other.degradation.mode('search') === 'off', { what: 'the change' });
    expect(findTampering(await other.store.audit())).toBeUndefined();

    const ballot = redisLevelBallot(clientOf('features'), { namespace: 'acl', exchangeMs: 50, commandTimeoutMs: 2000 });
    ballot.cast(1);
    await eventually(() => ballot.votes().length > 0, { what: 'the vote' });
    ballot.close();
    expect([...one.denied, ...other.denied]).toEqual([]);
  });

  it('follows, and changes nothing, where it may only do that', async () => {
    const [one, follower] = [member(clientOf('features')), member(clientOf('follower'))];
    await Promise.all([one.store.ready(), follower.store.ready()]);
    one.degradation.set('search', 'reduced', change);
    await eventually(() => follower.degradation.mode('search') === 'reduced', { what: 'the change' });
    const before = await one.store.audit();
    follower.degradation.set('search', 'off', change);

    await eventually(() => follower.denied.length > 0, { what: 'the refusal' });
    expect(follower.denied).toEqual([expect.stringMatching(/^save .*can't run this command/)]);
    expect(follower.degradation.storeStatus()).toMatchObject({ state: 'stale', pendingCount: 1 });
    expect(await one.store.audit()).toEqual(before);
    expect(one.degradation.mode('search')).toBe('reduced');
  });
});

describe('a store without rights', () => {
  it('says so, once, and goes on from memory', async () => {
    const outsider = member(lone('features'), 'other');
    await eventually(() => outsider.denied.some((text) => text.startsWith('sync')), { what: 'the refusal' });
    outsider.degradation.set('search', 'off', change);
    await new Promise((resolve) => void setTimeout(resolve, 400));

    expect(outsider.degradation.mode('search')).toBe('off');
    expect(outsider.denied.filter((text) => text.startsWith('sync'))).toHaveLength(1);
    expect(outsider.store.health()).toMatchObject({
      mode: 'local',
      problem: expect.stringContaining('the server refuses'),
    });
  });
});
