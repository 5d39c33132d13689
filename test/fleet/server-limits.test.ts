import { redisCircuitStore } from '@holdfast/redis';
import { describe, expect, it } from 'vitest';

import { circuitUsers } from '../redis/circuit-rights.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import { startSharing } from './circuit-fleet.ts';
import { type Fault, proofOptions, survives } from './fault-proof.ts';
import { type StorePlace, clientOf } from './store-place.ts';

type Limit = readonly [what: string, begin: Change, end: Change, forMs?: number];
type Change = (server: RedisServer) => unknown;

const set = (name: string, value: string) => (server: RedisServer) => server.admin.config('SET', name, value);

/** A script of somebody else that runs for 2 s, and its end. */
const busyScript = "local t = redis.call('TIME')[1] + 2 repeat until redis.call('TIME')[1] + 0 >= t";
let busy: Promise<unknown> | undefined;

const limits: readonly Limit[] = [
  ['has no memory left', set('maxmemory', '1mb'), set('maxmemory', '0')],
  ['takes no writes', ({ admin }) => admin.replicaof('127.0.0.1', 1), ({ admin }) => admin.replicaof('NO', 'ONE')],
  ['takes no writes without a replica', set('min-replicas-to-write', '1'), set('min-replicas-to-write', '0'), 10_000],
  [
    'runs a script of somebody else for 2 s',
    async (server) => {
      await set('busy-reply-threshold', '200')(server);
      busy = server.connect().eval(busyScript, 0);
    },
    () => busy,
  ],
  ['makes all clients wait', ({ admin }) => admin.call('CLIENT', 'PAUSE', 2500, 'ALL'), ({ admin }) => admin.ping()],
  [
    'has no place for more clients',
    async (server) => {
      await set('maxclients', '1')(server);
      for (const type of ['normal', 'pubsub']) await server.admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    },
    set('maxclients', '10000'),
  ],
];

/** Lets three processes with a server of their own go through a fault. Returns what they said of denials. */
async function proves(
  server: RedisServer,
  fault: Pick<Fault, 'begin' | 'end' | 'harmed' | 'forMs'>,
  place: Partial<StorePlace> = {},
): Promise<readonly string[]> {
  const placeOf = (): StorePlace => ({ kind: 'lone', port: server.port, ...place }) as StorePlace;
  await using sharing = await startSharing({ count: 3, options: proofOptions, namespace: 'limits', placeOf });
  const last = await survives(sharing, { ...fault, servers: () => [server] });
  return last.flatMap(({ told }) => told.filter((event) => /denied|incompatible/.test(event)));
}

describe.concurrent('a server that', () => {
  it.for(limits)(
    'charter M10: %s keeps no call waiting, and nobody from agreeing within 3 s after',
    async ([_what, begin, end, forMs = 1000]) => {
      await using server = await startRedisServer();

      expect(
        await proves(server, { begin: () => begin(server), end: () => end(server), harmed: [0, 1, 2], forMs }),
      ).toEqual([]);
    },
  );

  it('forgets rulings for want of memory is told them again', async () => {
    await using server = await startRedisServer({ config: ['maxmemory-policy allkeys-lru'] });
    const begin = async (): Promise<void> => {
      const used = await server.memoryBytes();
      await set('maxmemory', String(used + 100_000))(server);
      for (let at = 0; at < 300; at++) await server.admin.set(`junk${at}`, 'x'.repeat(1000), 'PX', 60_000);
    };

    expect(await proves(server, { begin, end: () => set('maxmemory', '0')(server) })).toEqual([]);
    expect((await server.info('stats'))['evicted_keys']).not.toBe('0');
  });
});

describe('a server with access rules', () => {
  it('a fleet with the documented rights, and no others, is denied nothing, and an operator holds it', async () => {
    await using server = await startRedisServer({ users: circuitUsers('limits') });
    const login = { username: 'app', password: 'pw' };
    expect(await proves(server, { begin: () => server.restart({ empty: true }), end: () => {} }, login)).toEqual([]);

    const place = { kind: 'lone', port: server.port, password: 'pw' } as const;
    const [operator, node] = ['operator', 'app'].map((username) =>
      redisCircuitStore(clientOf({ ...place, username }), { namespace: 'limits' }),
    );
    const wish = { owner: 'ada', forMs: 60_000 };
    await expect(node?.hold('dependency', 'open', wish)).rejects.toMatchObject({ trouble: 'denied' });
    expect(await operator?.hold('dependency', 'open', wish)).toMatchObject({ state: 'forced-open' });
    expect(await operator?.release('dependency', wish)).toMatchObject({ state: 'open' });
    expect(await operator?.audit()).toHaveLength(2);
    await Promise.all([operator?.close(), node?.close()]);
    expect(await server.keysWithoutTtl()).toEqual([]);
  });
});
