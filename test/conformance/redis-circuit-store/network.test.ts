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
  const namespace = `net${++count}`;
  proxy = await startTcpProxy(server.port);
  const make = (port: number): StoreMember =>
    storeMember(new Redis({ port, lazyConnect: true }), { namespace }, { openForMs: 30_000 });
  [near, far] = [make(server.port), make(proxy.port)];
  await Promise.all([near.isMode('shared'), far.isMode('shared')]);
  await Promise.all([near.hears(true), far.hears(true)]);
});
afterEach(async () => {
  await closeMembers(near, far);
  await proxy.stop();
});

/** Lets a member trip, and returns how long it takes until the other is open. */
async function spreads(from: StoreMember, to: StoreMember): Promise<number> {
  from.trip();
  const ms = await to.becomes('open');
  await near.store.closeCircuit('prices', { owner: 'test' });
  await Promise.all([from.becomes('closed'), to.becomes('closed')]);
  return ms;
}

describe('a store over a bad network', () => {
  it('goes on alone where its scripts vanish, though it hears, and is back soon after', async () => {
    proxy.apply(halfOpen, commands);
    near.trip();
    expect(await far.becomes('open')).toBeLessThan(500); // by the message
    await far.isMode('local', 10_000);
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
    proxy.apply(latency(40, 20));

    expect(await spreads(far, near)).toBeLessThan(1000);
    expect(await spreads(near, far)).toBeLessThan(1000);
    expect(far.count('sync', 'timeout') + far.count('step', 'timeout')).toBe(0);
  });

  it('gives a line up that is too slow for it, and is back where that has ended', async () => {
    proxy.apply(latency(400));
    await far.isMode('local', 15_000);
    expect(far.told.some(({ type }) => type === 'circuit-store.denied')).toBe(false);

    await proxy.heal();
    expect(await far.isMode('shared')).toBeLessThan(4000);
    expect(await spreads(near, far)).toBeLessThan(1000);
  }, 30_000);

  it('comes through resets, one after the other', async () => {
    for (let round = 0; round < 10; round++) {
      proxy.reset();
      expect(await spreads(round % 2 === 0 ? near : far, round % 2 === 0 ? far : near)).toBeLessThan(4000);
    }
  }, 60_000);

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
