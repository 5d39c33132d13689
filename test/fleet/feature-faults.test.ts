import { describe, expect, it, onTestFinished } from 'vitest';

import { startClusterTopology } from '../redis-lab/cluster-topology.ts';
import { eventually, sleep } from '../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import { startSentinelTopology } from '../redis-lab/sentinel-topology.ts';
import { type FeatureFleet, startFeatureFleet } from './feature-fleet.ts';
import type { FeatureReport } from './feature-member.ts';
import type { StorePlace } from './store-place.ts';

const COUNT = 8;

/** Within so long after the return of the server all agree again. */
const AGREEMENT_MS = 2000;

/** How long that is waited for, so that it can be said how long it took. */
const LIMIT_MS = 15_000;

const alice = { actor: 'alice', expiresInMs: 600_000 };
const bob = { actor: 'bob', expiresInMs: 600_000 };

interface Fault {
  /** What happens when all know of the first changes, before the one that is made in the middle of it. */
  readonly begin: () => unknown;
  /** What happens after that. The server is back when it returns. */
  readonly end: () => unknown;
  /** The server that is there in the end. */
  readonly server: () => RedisServer;
}

/**
 * Lets two operators and a controller change features before, in and after a fault. In all of it no read fails, no revision goes
 * back, and nothing changes but what somebody changed and what expired. Returns the last reports.
 */
async function survives(features: FeatureFleet, { begin, end, server }: Fault): Promise<readonly FeatureReport[]> {
  const { fleet, agreement, until, timed } = features;
  await fleet.member(0).ask('set', { feature: 'recommendations', mode: 'off', ...alice });
  await fleet.member(1).ask('set', { feature: 'search', mode: 'reduced', ...bob });
  await agreement(20_000, { recommendations: 'off', search: 'reduced' });
  await fleet.askAll('vote', 2.5);
  await until('the level of the fleet', ({ level }) => level === 2.5);

  await begin();
  const middle = { feature: 'recommendations', mode: 'cached', ...alice } as const;
  expect(await fleet.member(0).ask('set', middle)).toBeTypeOf('number');
  const short = { feature: 'checkout', mode: 'deferred', actor: 'bob', expiresInMs: 1500 } as const;
  expect(await fleet.member(1).ask('set', short)).toBeTypeOf('number');
  await until(
    'an end by its own expiry where it is known',
    ({ modes: seen }, index) => index !== 1 || seen['checkout'] === 'full',
  );
  await end();

  const modes = { recommendations: 'cached', search: 'reduced', checkout: 'full' };
  expect(await timed(() => agreement(LIMIT_MS, modes))).toBeLessThan(AGREEMENT_MS);
  const agreed = await fleet.askAll('report');
  expect(agreed[0]?.revisions).toEqual({ recommendations: 2, search: 1, checkout: 1 });
  await until('the level of the fleet again', ({ level }) => level === 2.5);
  await fleet.member(1).ask('restore', { feature: 'recommendations', actor: 'bob' });
  await fleet.member(0).ask('restore', { feature: 'search', actor: 'alice' });
  const last = await agreement(20_000, { recommendations: 'full', search: 'full' });
  for (const report of last) expectNothingStrange(report);
  expect(await server().keysWithoutTtl()).toEqual([]);
  const trail = await eventually(() => fleet.member(2).ask('audit'), { what: 'the trail' });
  const restored = trail.entries.filter(({ cause }) => cause === 'restored').map(({ actor }) => actor);
  expect(restored.toSorted()).toEqual(['alice', 'bob']);
  expect(trail.brokenAt).toBeUndefined();
  return last;
}

/** Says that no read failed, that no revision went back, and that each feature went the way on which it was sent. */
function expectNothingStrange({ changes, failedReads, setbacks, reads }: FeatureReport): void {
  expect({ failedReads, setbacks }).toEqual({ failedReads: 0, setbacks: 0 });
  expect(reads).toBeGreaterThan(0);
  const way = (feature: string): readonly string[] =>
    changes.filter((change) => change.feature === feature).map(({ to, cause }) => `${to} ${cause}`);
  expect(way('recommendations')).toEqual(['off set', 'cached set', 'full restored']);
  expect(way('search')).toEqual(['reduced set', 'full restored']);
  expect(['', 'deferred set,full expired']).toContain(way('checkout').join()); // unknown before it was over: never in force
}

/** A server of their own, and 8 processes. */
async function lone() {
  const server = await startRedisServer();
  const placeOf = (): StorePlace => ({ kind: 'lone', port: server.port });
  const features = await startFeatureFleet({ count: COUNT, placeOf });
  const stop = async (): Promise<void> => {
    await features[Symbol.asyncDispose]();
    await server.stop();
  };
  return { server, features, [Symbol.asyncDispose]: stop };
}

type Lone = Awaited<ReturnType<typeof lone>>;

const faults: readonly (readonly [what: string, fault: (server: RedisServer) => Omit<Fault, 'server'>])[] = [
  [
    'is killed and comes back empty',
    (server) => ({ begin: () => server.kill(), end: () => server.restart({ empty: true }) }),
  ],
  [
    'is killed and comes back as it was before',
    (server) => ({
      begin: async () => {
        await server.save();
        await server.kill();
      },
      end: () => server.restart({ empty: false }),
    }),
  ],
  [
    'stops for 5 seconds',
    (server) => ({
      begin: () => server.pause(),
      end: async () => {
        await sleep(3500);
        server.resume();
      },
    }),
  ],
  ['forgets everything', (server) => ({ begin: () => server.admin.flushall(), end: () => server.admin.flushall() })],
];

/** The best of two rounds: what else runs on a machine only adds to a time. */
const rounds = { retry: 1 };

describe('two operators, a controller and 8 processes', rounds, () => {
  it.each(faults)('charter U1: when the server %s no read fails, and all agree within 2 s', async (_what, fault) => {
    await using fixture: Lone = await lone();
    const { server, features } = fixture;

    expect(await survives(features, { ...fault(server), server: () => server })).toHaveLength(COUNT);
  });

  it('give back what the server has lost, and one of them tells what that was', async () => {
    await using fixture: Lone = await lone();
    const { server, features } = fixture;
    await features.fleet.member(0).ask('set', { feature: 'search', mode: 'off', ...alice });
    await features.agreement(20_000, { search: 'off' });

    await server.admin.flushall();

    const what = { what: 'the record of the feature', limitMs: LIMIT_MS };
    await eventually(async () => (await server.admin.hlen('rb1:{fleet/features}:r')) === 1, what);
    const reports = await features.agreement(LIMIT_MS, { search: 'off' });
    expect(reports.flatMap(({ told }) => told)).toContain('feature-store.lost search');
  });
});

describe('a master behind Sentinels', rounds, () => {
  it.each([
    ['dies, and a replica that lags takes over', {}, 'failOverByKill'],
    ['dies, and a replica that was never synced takes over', { isNeverSynced: true }, 'failOverByKill'],
    ['is replaced by a replica that lags, and still accepts writes', {}, 'failOverByCommand'],
  ] as const)('charter U1: %s: no read fails, and all agree within 2 s', async (_what, options, failOver) => {
    await using topology = await startSentinelTopology(options);
    const ports = topology.sentinels.map(({ port }) => port);
    const placeOf = (): StorePlace => ({ kind: 'sentinel', name: topology.name, ports });
    await using features = await startFeatureFleet({ count: COUNT, placeOf });

    expect(
      await survives(features, {
        begin: () => topology.lag(), // what is written now is known to the master only, and to those who live
        end: () => topology[failOver](),
        server: () => topology.replica,
      }),
    ).toHaveLength(COUNT);
  });
});

describe('a Cluster', rounds, () => {
  it('charter U1: loses the master of the features: no read fails, and all agree within 2 s of the next', async () => {
    const cluster = await startClusterTopology({ hasReplicas: true });
    onTestFinished(() => cluster.stop());
    const ports = cluster.nodes.map(({ port }) => port);
    const placeOf = (): StorePlace => ({ kind: 'cluster', ports });
    await using features = await startFeatureFleet({ count: COUNT, placeOf });
    const slot = await cluster.slotOf('{fleet/features}');
    let next: ReturnType<typeof cluster.failOverByKill> | undefined;

    expect(
      await survives(features, {
        begin: () => void (next = cluster.failOverByKill(slot)),
        end: () => next,
        server: () => cluster.nodes.find((node) => node.isRunning()) as RedisServer,
      }),
    ).toHaveLength(COUNT);
  });
});

describe('a process that starts', rounds, () => {
  it('charter U2: while the server is away has the coded defaults after 500 ms, and the features of the fleet when it is back', async () => {
    await using fixture: Lone = await lone();
    const { server, features } = fixture;
    const { fleet, agreement, timed } = features;
    await fleet.member(0).ask('set', { feature: 'search', mode: 'off', ...alice });
    await agreement();
    await server.kill();

    const [late] = await fleet.add(1);
    await eventually(async () => (await late?.ask('report'))?.store.state === 'stale', {
      what: 'a process on its own',
    });
    expect((await late?.ask('report'))?.modes).toEqual({ recommendations: 'full', search: 'full', checkout: 'full' });
    await server.restart({ empty: true });

    expect(await timed(() => agreement(LIMIT_MS, { search: 'off' }))).toBeLessThan(AGREEMENT_MS);
  });
});
