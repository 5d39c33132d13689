import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Behaviour, halfOpen } from '../redis-lab/flow.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import { commands, type LinkTest, startTcpProxy, subscribers } from '../redis-lab/tcp-proxy.ts';
import { startSharing } from './circuit-fleet.ts';
import { proofOptions, survives } from './fault-proof.ts';

const slowly = { kind: 'throttle', bytesPerSecond: 1 } as const;
const anyTime = { kind: 'delay', ms: 0, jitterMs: 2000 } as const;

const faults: readonly (readonly [what: string, behaviour: Behaviour])[] = [
  ['takes up to 2 s each way', { toServer: anyTime, toClient: anyTime }],
  ['loses what is asked', { toServer: { kind: 'drop' } }],
  ['loses what is answered', { toClient: { kind: 'drop' } }],
  ['is half open', halfOpen],
  ['is reset in the middle of each reply', { toClient: { kind: 'cut', afterBytes: 9 } }],
  ['is cut when the script has run', { toClient: { kind: 'cut', afterBytes: 0, armedBy: 'evalsha' } }],
  ['carries a byte a second', { toServer: slowly, toClient: slowly }],
];

const connections: readonly (readonly [of: string, where: LinkTest])[] = [
  ['commands', commands],
  ['messages', subscribers],
];

let server: RedisServer;
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());

/** Each with a fleet of its own, of which one process has the faulty network. */
describe.concurrent.each(connections)('a network whose connection for %s', (of, where) => {
  const meant = faults.filter(([what]) => of === 'commands' || !what.includes('script'));

  it.each(meant)(
    'charter M10: %s keeps no call waiting, and nobody from agreeing within 3 s after',
    async (_what, behaviour) => {
      await using proxy = await startTcpProxy(server.port);
      await using sharing = await startSharing({
        count: 3,
        options: proofOptions,
        namespace: `net${++count}`,
        placeOf: (index) => ({ kind: 'lone', port: index === 2 ? proxy.port : server.port }),
      });

      expect(
        await survives(sharing, {
          begin: () => proxy.apply(behaviour, where),
          end: () => proxy.heal(),
          unharmed: [0, 1],
          harmed: of === 'commands' ? [2] : [],
          servers: () => [server],
        }),
      ).toHaveLength(3);
    },
  );
});
