import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { closeMembers, type StoreMember, storeMember } from './store-member.ts';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(async () => {
  await closeMembers();
  await server.stop();
});

async function sharing(): Promise<StoreMember> {
  const member = storeMember(new Redis({ port: server.port, lazyConnect: true }), { namespace: 'presence' });
  await member.isMode('shared');
  return member;
}

describe('the processes of a fleet', () => {
  it('are all counted by one that begins just after another has left: its quorum is that of the fleet', async () => {
    for (let count = 0; count < 3; count++) await sharing();
    const leaving = await sharing();

    await leaving.store.close();

    expect((await sharing()).store.health().nodes).toBe(4);
  });
});
