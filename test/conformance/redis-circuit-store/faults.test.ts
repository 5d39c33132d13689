import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { eventually, sleep } from '../../redis-lab/eventually.ts';
import { halfOpen } from '../../redis-lab/flow.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { startTcpProxy, subscribers } from '../../redis-lab/tcp-proxy.ts';
import { type StoreMember, closeMembers, storeMember } from './store-member.ts';

let server: RedisServer;
let namespace = '';
let count = 0;
let members: StoreMember[] = [];

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  namespace = `n${++count}`;
  members = [];
});
afterEach(() => closeMembers(...members));

/** A member of the fleet of this test that shares already. */
async function member(port: number = server.port): Promise<StoreMember> {
  const made = storeMember(new Redis({ port, lazyConnect: true }), { namespace, node: `m${members.length}` });
  members.push(made);
  await made.isMode('shared');
  await made.hears(true);
  return made;
}

/** Lets a member trip, and returns how long it takes until another one is open. */
async function spreads(from: StoreMember, to: StoreMember): Promise<number> {
  from.trip();
  const ms = await to.becomes('open');
  await from.closes();
  await Promise.all([from.becomes('closed'), to.becomes('closed')]);
  return ms;
}

describe('a store whose scripts are forgotten', () => {
  it('charter M3: sends their texts, once each, and loses nothing', async () => {
    const [one, other] = [await member(), await member()];
    await server.resetCalls();
    for (let round = 0; round < 20; round++) {
      await server.admin.script('FLUSH');
      await spreads(one, other);
    }

    expect(one.count('step', 'error') + one.count('sync', 'error')).toBe(0);
    const { eval: byText = 0, evalsha: byHash = 0 } = await server.calls();
    expect(byText).toBeGreaterThan(20);
    expect(byHash).toBeGreaterThanOrEqual(byText);
  });

  it('sends hashes only where the server knows them', async () => {
    const [one, other] = [await member(), await member()];
    await spreads(one, other);
    await server.resetCalls();
    await spreads(one, other);

    expect((await server.calls())['eval']).toBeUndefined();
  });
});

describe('a store whose subscription is lost', () => {
  it('charter M5: polls fast, subscribes again, and hears again', async () => {
    const [one, other] = [await member(), await member()];
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    one.trip();
    expect(await other.becomes('open')).toBeLessThan(1500);

    await other.hears(true);
    await one.hears(true);
    await one.closes();
    await other.becomes('closed');
    expect(await spreads(one, other)).toBeLessThan(200);
    expect(other.count('sync', 'error')).toBe(0);
  });

  it('notices by an unanswered PING where nobody says so, and finds another way', async () => {
    const proxy = await startTcpProxy(server.port);
    const [one, other] = [await member(), await member(proxy.port)];
    proxy.apply(halfOpen, subscribers);
    const silentAt = performance.now();
    await other.hears(false);
    expect(performance.now() - silentAt).toBeLessThan(2 * (2200 + 1000 + 500)); // TCP says it after many minutes
    one.trip();
    expect(await other.becomes('open')).toBeLessThan(1500); // it polls fast meanwhile

    await proxy.heal();
    await other.hears(true);
    await proxy.stop();
  });
});

describe('a store whose server does not answer', () => {
  it('lets every call go on at once, and is back soon after', async () => {
    const [one, other] = [await member(), await member()];
    server.pause();
    const from = performance.now();
    let heldUp = 0;
    while (performance.now() - from < 3000) {
      const turn = setImmediate(() => heldUp++);
      await one.breaker.execute(() => 1).catch(() => {});
      clearImmediate(turn);
      await sleep(1);
    }
    await one.isMode('local');
    one.trip();
    server.resume();

    const backMs = Math.max(await one.isMode('shared'), await other.becomes('open'));
    expect(heldUp).toBe(0); // each has settled within the turn that it was made in
    expect(backMs).toBeLessThan(3000);
    expect(one.count('sync', 'timeout')).toBeGreaterThan(0);
  });

  it('tells the fleet what it knew when the server comes back empty', async () => {
    const [one, other] = [await member(), await member()];
    await one.holds('open');
    await other.becomes('forced-open');
    await server.restart({ empty: true });
    const late = await member();

    expect(await late.becomes('forced-open')).toBeLessThan(3000);
    expect(await server.keysWithoutTtl()).toEqual([]);
  });

  it('is back within 3 seconds after a time without, and asks seldom meanwhile', async () => {
    const one = await member();
    await server.kill();
    await one.isMode('local');
    one.trip();
    const before = one.count('sync', 'error');
    await sleep(4000);
    expect(one.count('sync', 'error') - before).toBeLessThan(20);
    await server.restart({ empty: true });

    expect(await one.isMode('shared')).toBeLessThan(3000);
  });
});

describe('a store whose server refuses to write', () => {
  it('charter M6: decides alone on a replica, and shares again once that is a master', async () => {
    const one = await member();
    await server.admin.replicaof('127.0.0.1', 1);
    one.trip();
    await one.isMode('local');
    expect(one.told.at(-1)).toMatchObject({ type: 'circuit-store.mode-changed', mode: 'local' });
    expect(one.told.some(({ type }) => type === 'circuit-store.denied')).toBe(false);

    await server.admin.replicaof('NO', 'ONE');
    expect(await one.isMode('shared')).toBeLessThan(3000);
  });

  it('decides alone where memory is full, and shares again', async () => {
    const one = await member();
    await server.admin.config('SET', 'maxmemory', '1mb');
    one.trip();
    await one.isMode('local');
    expect(one.told.some(({ type }) => type === 'circuit-store.denied')).toBe(false);

    await server.admin.config('SET', 'maxmemory', '0');
    expect(await one.isMode('shared')).toBeLessThan(6000);
  });

  it('tells once that it is denied, and says so in its health, until somebody has changed that', async () => {
    await server.admin.acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
    const client = new Redis({ port: server.port, username: 'app', password: 'secret', lazyConnect: true });
    const one = storeMember(client, { namespace });
    members.push(one);
    await one.isMode('shared');
    await server.admin.acl('SETUSER', 'app', '-evalsha', '-eval');
    await one.isMode('local');
    await sleep(1000);

    const denials = one.told.filter(({ type }) => type === 'circuit-store.denied');
    expect(denials).toEqual([
      expect.objectContaining({ operation: 'sync', message: expect.stringContaining('NOPERM') }),
    ]);
    expect(one.store.health().problem).toContain('the server refuses sync: NOPERM');

    await server.admin.acl('SETUSER', 'app', '+evalsha', '+eval');
    await one.isMode('shared');
    expect(one.store.health().problem).toBeUndefined();
  });

  it('tells that it may not even connect', async () => {
    const client = new Redis({ port: server.port, username: 'nobody', password: 'wrong', lazyConnect: true });
    const one = storeMember(client, { namespace });
    members.push(one);
    await eventually(() => one.told.length > 0, { what: 'the denial' });
    await sleep(500);

    expect(one.told).toEqual([
      expect.objectContaining({
        type: 'circuit-store.denied',
        operation: 'connect',
        message: expect.stringContaining('WRONGPASS'),
      }),
    ]);
    expect(one.store.health()).toMatchObject({ mode: 'local', problem: expect.stringContaining('WRONGPASS') });
  });

  it('shares by polls where it may not subscribe', async () => {
    await server.admin.acl('SETUSER', 'quiet', 'on', '>secret', '~*', '+@all', '-subscribe');
    const client = new Redis({ port: server.port, username: 'quiet', password: 'secret', lazyConnect: true });
    const [one, quiet] = [await member(), storeMember(client, { namespace })];
    members.push(quiet);
    await quiet.isMode('shared');
    one.trip();

    expect(await quiet.becomes('open')).toBeLessThan(1500);
    expect(quiet.store.health()).toMatchObject({ problem: undefined, shards: { used: 1, heard: 0 } });
    expect(quiet.told.filter(({ type }) => type === 'circuit-store.denied')).toHaveLength(1);
  });
});
