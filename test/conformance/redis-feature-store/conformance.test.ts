import { createDegradation, defineFeatures, findTampering, runBrownout, signature } from '@holdfast/degradation';
import { type FeatureStoreSubject, featureStoreConformance } from '@holdfast/degradation/testing';
import { type RedisFeatureStore, redisFeatureStore, redisLevelBallot } from '@holdfast/redis';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { type ClusterTopology, startClusterTopology } from '../../redis-lab/cluster-topology.ts';
import { eventually, sleep } from '../../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';

let server: RedisServer;
let cluster: ClusterTopology;
let lone: Redis;
let clustered: Cluster;
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
  cluster = await startClusterTopology();
  lone = new Redis({ port: server.port, lazyConnect: true });
  clustered = new Cluster([...cluster.startupNodes], { lazyConnect: true });
});
afterAll(async () => {
  lone.disconnect();
  clustered.disconnect();
  await Promise.all([server.stop(), cluster.stop()]);
});

/** A store for each process, which is closed when the test is over. */
function storesOf(client: Redis | Cluster, size: number, options = {}): RedisFeatureStore[] {
  const namespace = `conformance-${++count}`;
  const made = { namespace, commandTimeoutMs: 2000, pollMs: 200, ...options };
  const stores = Array.from({ length: size }, () => redisFeatureStore(client, made));
  onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
  return stores;
}

function subjectOf(client: Redis | Cluster): FeatureStoreSubject {
  return {
    stores: (size) => Promise.resolve(storesOf(client, size)),
    pass: sleep,
    until: async (condition, limitMs) =>
      void (await eventually(condition, { what: 'what the case waits for', limitMs, everyMs: 5 })),
  };
}

describe('redisFeatureStore', () => {
  it.each(featureStoreConformance)('on one server: $name', async (each) => {
    await expect(each.run(subjectOf(lone))).resolves.toBeUndefined();
  });

  it.each(featureStoreConformance)('in a Cluster: $name', async (each) => {
    await expect(each.run(subjectOf(clustered))).resolves.toBeUndefined();
  });
});

const features = defineFeatures({ search: { modes: ['full', 'reduced', 'off'], onLevel: { 1: 'reduced', 2: 'off' } } });
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };

describe.each([
  ['one server', () => lone],
  ['a Cluster', () => clustered],
])('features shared over %s', (_what, clientOf) => {
  function fleet(options = {}) {
    const stores = storesOf(clientOf(), 2, options);
    const all = stores.map((store) => createDegradation({ features, store }));
    onTestFinished(() => all.forEach((degradation) => degradation.close()));
    return { stores: stores as [RedisFeatureStore, RedisFeatureStore], all: all as [(typeof all)[0], (typeof all)[0]] };
  }

  it('are switched for all, and the trail of the fleet says by whom', async () => {
    const { stores, all } = fleet({ pollMs: 60_000 });
    await Promise.all(stores.map((store) => store.ready()));
    await eventually(() => stores.every((store) => store.health().isHeard), { what: 'subscriptions' });
    all[0].set('search', 'off', change);
    await eventually(() => all[1].mode('search') === 'off', { what: 'the change' });
    all[1].restore('search', { actor: 'bob', reason: 'over', ifRevision: 1 });
    await eventually(() => all[0].mode('search') === 'full', { what: 'the end of it' });

    const trail = await stores[0].audit();
    expect(trail.map(({ actor, from, to, cause }) => [actor, from, to, cause])).toEqual([
      ['alice', 'full', 'off', 'set'],
      ['bob', 'off', 'full', 'restored'],
    ]);
    expect(findTampering(trail)).toBeUndefined();
    expect(findTampering(trail.map((entry) => ({ ...entry, actor: 'nobody' })))).toBe(0);
  });

  it('name in the trail of the fleet the parameters that a change changed, and the chain holds', async () => {
    const [store] = storesOf(clientOf(), 1) as [RedisFeatureStore];
    const withParams = defineFeatures({
      search: { modes: ['full', 'reduced'], params: { reduced: { limit: 5, 7: true, sort: 'best' } } },
    });
    const degradation = createDegradation({ features: withParams, store });
    onTestFinished(() => degradation.close());
    await degradation.loaded;
    degradation.set('search', 'full', change);
    await eventually(async () => (await store.audit()).length === 1, { what: 'the first change' });
    degradation.set('search', 'reduced', { ...change, params: { sort: 'né "w" 💶', limit: 3, 7: false } });
    await eventually(async () => (await store.audit()).length === 2, { what: 'the second change' });
    degradation.restore('search', { actor: 'bob', reason: 'over' });
    await eventually(async () => (await store.audit()).length === 3, { what: 'the third change' });

    const trail = await store.audit();
    expect(trail.map(({ params }) => params)).toEqual([
      undefined,
      { 7: false, sort: 'né "w" 💶', limit: 3 },
      undefined,
    ]);
    expect(findTampering(trail)).toBeUndefined();
    expect(findTampering(trail.map((entry) => ({ ...entry, ...(entry.params && { params: { limit: 4 } }) })))).toBe(1);
    expect(degradation.audit().map(({ params }) => params)).toEqual(trail.map(({ params }) => params));
  });

  it('are refused where a revision is stale, and nothing is changed anywhere', async () => {
    const { stores, all } = fleet();
    await Promise.all(all.map(({ loaded }) => loaded));
    all[0].set('search', 'off', change);
    await eventually(() => all[1].mode('search') === 'off', { what: 'the change' });

    expect(() => all[1].set('search', 'reduced', { ...change, actor: 'bob', ifRevision: 0 })).toThrow(
      expect.objectContaining({ code: 'STALE_REVISION', revision: 1 }),
    );
    expect(await stores[1].load()).toMatchObject([{ revision: 1, actor: 'alice' }]);
    expect(await stores[1].audit()).toHaveLength(1);
  });

  it('tell of two changes at once which was overwritten, and agree', async () => {
    const { stores, all } = fleet();
    await Promise.all(stores.map((store) => store.ready()));
    const told: string[] = [];
    for (const { events } of all)
      events.listen(({ type, ...rest }) => {
        if (type === 'feature.overwritten') told.push((rest as unknown as { actor: string }).actor);
      });
    all[0].set('search', 'off', change);
    all[1].set('search', 'reduced', { ...change, actor: 'bob' });

    await eventually(() => told.length === 1 && all[0].mode('search') === all[1].mode('search'), { what: 'agreement' });
    expect(all[0].mode('search')).toBe(told[0] === 'alice' ? 'reduced' : 'off');
  });

  it('take nothing that is not sealed, or was changed on the server, and say so', async () => {
    const seal = signature('a secret of the fleet');
    const { stores, all } = fleet({ seal });
    await Promise.all(stores.map((store) => store.ready()));
    all[0].set('search', 'reduced', change);
    await eventually(() => all[1].mode('search') === 'reduced', { what: 'the change' });
    const namespace = stores[0].health().name;
    const outsider = redisFeatureStore(clientOf(), { namespace, commandTimeoutMs: 2000 });
    onTestFinished(() => outsider.close());
    const [record] = await stores[0].load();
    await outsider.save({
      ...record!,
      revision: 9,
      overrides: [{ ...record!.overrides[0]!, mode: 'off', revision: 9 }],
    });

    await eventually(() => stores.every((store) => store.health().refusedRecords === 1), { what: 'a refusal' });
    expect(all.map((one) => [one.mode('search'), one.status('search').revision])).toEqual([
      ['reduced', 1],
      ['reduced', 1],
    ]);
    const store = redisFeatureStore(clientOf(), { namespace, seal, commandTimeoutMs: 2000 });
    onTestFinished(() => store.close());
    const late = createDegradation({ features, store });
    await late.loaded;
    expect(late.mode('search')).toBe('full'); // not what an outsider wrote, and nobody can know better
    late.close();
  });

  it('expire at the same time in a process that starts later', async () => {
    const { stores, all } = fleet();
    await Promise.all(stores.map((store) => store.ready()));
    all[0].set('search', 'off', { ...change, expiresInMs: 60_000 });
    await eventually(async () => (await stores[1].load()).length === 1, { what: 'the record' });
    await sleep(1500);
    const namespace = stores[0].health().name;
    const store = redisFeatureStore(clientOf(), { namespace, commandTimeoutMs: 2000 });
    onTestFinished(() => store.close());
    const late = createDegradation({ features, store });
    await eventually(() => late.mode('search') === 'off', { what: 'the feature' });

    const [early, later] = [all[0], late].map((one) => one.status('search').override?.remainingMs as number);
    expect(Math.abs(early! - later!)).toBeLessThan(750); // and not the 1500 that it is younger
    late.close();
  });

  it('are browned out by the level of the fleet', async () => {
    const namespace = `votes-${++count}`;
    const ballots = ['a', 'b', 'c'].map((node) =>
      redisLevelBallot(clientOf(), { namespace, node, exchangeMs: 50, commandTimeoutMs: 2000 }),
    );
    onTestFinished(() => ballots.forEach((ballot) => ballot.close()));
    const seen: (number | undefined)[] = [];
    const brownout = {
      name: 'b',
      sampleMs: 20,
      level: 0,
      localLevel: 0,
      explain: () => ({}),
      observe: (_readings: unknown, _now: number, level?: number) => void seen.push(level),
    };
    const runner = runBrownout(brownout as never, { read: () => ({}), ballot: ballots[0]! });
    const voting = setInterval(() => ballots.slice(1).forEach((ballot) => ballot.cast(2)), 20);

    await eventually(() => seen.at(-1) === 2, { what: 'the level of the fleet' });
    expect(seen).toContain(undefined); // before enough had voted
    clearInterval(voting);
    runner.stop();
  });
});
