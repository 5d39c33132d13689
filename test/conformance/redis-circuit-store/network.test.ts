import type { RedisCircuitStoreOptions } from '@holdfast/redis';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { halfOpen, latency } from '../../redis-lab/flow.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type TcpProxy, commands, startTcpProxy } from '../../redis-lab/tcp-proxy.ts';
import { type StoreMember, closeMembers, storeMember } from './store-member.ts';

let server: RedisServer;
let proxy: TcpProxy;
let near: StoreMember;
let far: StoreMember;
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());

/** Two members, of which one is connected through a proxy. */
beforeEach(async () => {
  count++;
  proxy = await startTcpProxy(server.port);
  [near, far] = await Promise.all([sharing(server.port), sharing(proxy.port)]);
});
afterEach(async () => {
  await closeMembers(near, far);
  await proxy.stop();
});

/** A member of the fleet of this test that shares already, and hears. */
async function sharing(port: number, options: Partial<RedisCircuitStoreOptions> = {}): Promise<StoreMember> {
  const member = storeMember(new Redis({ port, lazyConnect: true }), { namespace: `net${count}`, ...options });
  await member.isMode('shared');
  await member.hears(true);
  return member;
}

/** Lets a member trip, and returns how long it takes until the other is open. */
async function spreads(from: StoreMember, to: StoreMember): Promise<number> {
  from.trip();
  const ms = await to.becomes('open');
  await near.closes();
  await Promise.all([from.becomes('closed'), to.becomes('closed')]);
  return ms;
}

describe('a store over a bad network', () => {
  it('goes on alone where its scripts vanish, though it hears, and is back soon after', async () => {
    proxy.apply(halfOpen, commands);
    near.trip();
    expect(await far.becomes('open')).toBeLessThan(500); // by the message
    await far.isMode('local');
    expect(far.count('sync', 'timeout')).toBeGreaterThan(0);

    await proxy.heal();
    expect(await far.isMode('shared')).toBeLessThan(3000);
  });

  it('loses nothing where the replies to its scripts are cut off', async () => {
    proxy.apply({ toClient: { kind: 'cut', afterBytes: 0, armedBy: 'evalsha' } }, commands, { times: 2 });

    expect(await spreads(far, near)).toBeLessThan(3000);
    await far.isMode('shared');
    expect(await spreads(far, near)).toBeLessThan(500);
  });

  it('shares over a slow line', async () => {
    await far.store.close();
    far = await sharing(proxy.port, { commandTimeoutMs: 1000 }); // a script takes 200 to 300 there, and more on a slow machine
    proxy.apply(latency(100, 50));

    expect(await spreads(far, near)).toBeLessThan(1500);
    expect(await spreads(near, far)).toBeLessThan(1500);
    expect(far.count('sync', 'timeout') + far.count('step', 'timeout')).toBe(0);
  });

  it('gives a line up that is too slow for it, and is back where that has ended', async () => {
    proxy.apply(latency(400));
    await far.isMode('local');
    expect(far.told.some(({ type }) => type === 'circuit-store.denied')).toBe(false);

    await proxy.heal();
    expect(await far.isMode('shared')).toBeLessThan(4000);
    expect(await spreads(near, far)).toBeLessThan(1000);
  });

  it('comes through resets, one after the other', async () => {
    for (let round = 0; round < 10; round++) {
      proxy.reset();
      expect(await spreads(round % 2 === 0 ? near : far, round % 2 === 0 ? far : near)).toBeLessThan(4000);
    }
  });

  it('waits for a server that is busy with the script of somebody else', async () => {
    await server.admin.config('SET', 'busy-reply-threshold', '100');
    const busy = server.connect();
    const ran = busy.eval("local t = redis.call('TIME')[1] + 2; while redis.call('TIME')[1] + 0 < t do end", 0);
    near.trip();
    await ran;

    expect(await far.becomes('open')).toBeLessThan(3000);
    expect(near.told.some(({ type }) => type === 'circuit-store.denied')).toBe(false);
  });
});
