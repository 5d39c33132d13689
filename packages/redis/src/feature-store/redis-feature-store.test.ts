import { createEvents } from '@holdfast/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { eventually } from '../../../../test/redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../../../test/redis-lab/redis-server.ts';
import { type RedisFeatureStoreOptions, redisFeatureStore } from './redis-feature-store.ts';
import { sharedChange, sharedFeature } from './testing/records.ts';

/** So long a slow machine may take to connect. Milliseconds. */
const READY_MS = 30_000;

let server: RedisServer;
let client: Redis;
let namespace = '';
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis({ port: server.port, lazyConnect: true });
});
afterAll(() => server.stop());
beforeEach(() => {
  namespace = `n${++count}`;
});

/** One process: a store, what it tells, and what it hands over. */
function member(options: Partial<RedisFeatureStoreOptions> = {}, redis = client) {
  const told: { readonly type: string }[] = [];
  const events = createEvents();
  events.listen((event) => told.push(event));
  const store = redisFeatureStore(redis, { namespace, events, commandTimeoutMs: 10_000, ...options });
  const heard: string[] = [];
  const end = store.listen(({ feature, revision }) => heard.push(`${feature} ${revision}`), {
    away: () => heard.push('away'),
    whole: (records) => heard.push(`whole ${records.map(({ revision }) => revision).join()}`),
  });
  return { store, told, heard, end };
}

async function connectionCount(): Promise<number> {
  return ((await server.admin.client('LIST')) as string).trim().split('\n').length;
}

/** Two processes that hear one another. */
async function two(options: Partial<RedisFeatureStoreOptions> = {}) {
  const [one, other] = [member(options), member(options)];
  await Promise.all([one.store.ready(READY_MS), other.store.ready(READY_MS)]);
  const isHeard = (): boolean => [one, other].every(({ store }) => store.health().isHeard);
  await eventually(isHeard, { what: 'subscriptions' });
  return { one, other, close: () => Promise.all([one.store.close(), other.store.close()]) };
}

describe('redisFeatureStore', () => {
  it('shares what one saves with the other, and tells it at once', async () => {
    const { one, other, close } = await two({ pollMs: 60_000 });
    await one.store.save(sharedFeature(1));
    await eventually(() => other.heard.includes('reco 1'), { what: 'the notice' });

    expect(await other.store.load()).toMatchObject([{ feature: 'reco', revision: 1 }]);
    await close();
  });

  it('(1) leaves the client alone that it was given, and connects when it is first used', async () => {
    const before = await connectionCount();
    const store = redisFeatureStore(client, { namespace });
    await new Promise((resolve) => void setTimeout(resolve, 20));
    expect(await connectionCount()).toBe(before);
    expect(await store.ready(READY_MS)).toBe(true);
    expect(await connectionCount()).toBe(before + 2);
    await store.close();

    expect(client.status).toBe('wait');
    expect(client.eventNames()).toEqual([]);
    await eventually(async () => (await connectionCount()) === before, { what: 'the end of the connections' });
  });

  it('(2) has an entry of the trail for each change that it kept, in a chain, and a bounded number', async () => {
    const { store } = member({ maxAuditEntries: 3 });
    await store.ready(READY_MS);
    expect(await store.audit()).toEqual([]);
    for (let revision = 1; revision <= 5; revision++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await store.save(sharedFeature(revision), sharedChange(revision, { reason: `"${revision}" é` }));
    }
    await store.save(sharedFeature(1), sharedChange(1));
    await store.save(sharedFeature(6));
    const entries = await store.audit();

    expect(entries.map(({ revision, reason }) => `${revision} ${reason}`)).toEqual(['3 "3" é', '4 "4" é', '5 "5" é']);
    expect(entries[1]?.previousHash).toBe(entries[0]?.hash);
    expect(Date.parse(entries[0]?.expiresAt as string) - Date.parse(entries[0]?.at as string)).toBe(1000);
    expect(await store.audit(1)).toEqual([entries[2]]);
    await expect(store.audit(0)).rejects.toThrow('redisFeatureStore.audit.limit must be');
    await store.close();
  });

  it('(2), charter M3: sends a script by its text where the server has forgotten it', async () => {
    const { store } = member();
    await store.load();
    await server.admin.script('FLUSH');

    expect(await store.save(sharedFeature(1))).toMatchObject({ revision: 1 });
    await store.close();
  });

  it('(3) finds with the next look what nobody was told of', async () => {
    const { one, other, close } = await two({ pollMs: 100 });
    await one.store.save(sharedFeature(1));
    await eventually(() => other.heard.includes('reco 1'), { what: 'the notice' });
    const [key, mark] = [`rb1:{${namespace}/features}:r`, `rb1:{${namespace}/features}:m`];
    const text = (await server.admin.hget(key, 'reco')) as string;
    await server.admin.hset(key, 'search', text.replaceAll('reco', 'search')); // by hand: of a seal that does not fit
    await server.admin.hset(mark, 's', 'other');

    await eventually(() => other.store.health().refusedRecords === 1, { what: 'the look' });
    expect(other.told).toContainEqual({
      type: 'feature-store.refused',
      policy: 'feature-store',
      name: namespace,
      feature: 'search',
      problem: 'it is damaged, or sealed by somebody else',
    });
    expect((await other.store.load()).map(({ feature }) => feature)).toEqual(['reco']);
    await close();
  });

  it('(3) passes over what is published by others, and counts it', async () => {
    const { one, close } = await two();
    for (const text of ['', 'rubbish', '2 a b c d']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await server.admin.publish(`rb1:{${namespace}/features}:e`, text);
    }

    await eventually(() => one.store.health().malformedNotices === 3, { what: 'the notices' });
    expect(one.store.health().unexpectedNotices).toBe(0);
    await close();
  });

  it('(4), charter M10: is back by itself after the server was gone, tells when, and what was lost', async () => {
    const { store, told, heard } = member({ pollMs: 100, commandTimeoutMs: 2000 });
    await store.ready(READY_MS);
    await store.save(sharedFeature(1));
    await store.load();
    await eventually(() => heard.at(-1)?.startsWith('whole') === true, { what: 'the first word of the server' });
    heard.length = 0;
    await server.kill();
    await eventually(() => store.health().mode === 'local', { what: 'the local mode' });
    await expect(store.load()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.save(sharedFeature(2))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.audit()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await server.restart({ empty: true });

    expect(await store.ready(READY_MS)).toBe(true);
    expect([...new Set(told.map(({ type }) => type))]).toEqual([
      'feature-store.mode-changed',
      'feature-store.lost',
      'feature-store.recovered',
    ]);
    expect(told).toContainEqual(expect.objectContaining({ type: 'feature-store.lost', features: ['reco'] }));
    expect(heard).toContain('away');
    expect(heard.at(-1)).toBe('whole ');
    await store.close();
  });

  it('(4) goes on without a server, and says so', async () => {
    const { store, heard } = member({ commandTimeoutMs: 50 }, new Redis({ port: 1, lazyConnect: true }));

    expect(await store.ready(50)).toBe(false);
    expect(store.health()).toMatchObject({ mode: 'local', isHeard: false, silentMs: Infinity, features: 0 });
    await expect(store.load()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', trouble: 'away' });
    expect(heard).toEqual(['away']);
    await store.close();
  });

  it('(5) refuses after close, and is silent', async () => {
    const { store, told, heard, end } = member();
    await store.ready(READY_MS);
    const before = [told.length, heard.length];
    await store.close();
    await store.close();
    end();

    expect(await store.ready()).toBe(false);
    await expect(store.load()).rejects.toThrow('the store is closed');
    await expect(store.save(sharedFeature(1))).rejects.toThrow('the store is closed');
    await expect(store.audit()).rejects.toThrow('the store is closed');
    expect(() => store.listen(() => {})).toThrow('the store is closed');
    expect(store.health()).toMatchObject({ mode: 'local', isHeard: false });
    expect([told.length, heard.length]).toEqual(before);
  });

  it('(5) ends what waits when it is closed', async () => {
    const { store } = member({ commandTimeoutMs: 10_000 }, new Redis({ port: 1, lazyConnect: true }));
    const asked = [store.load(), store.save(sharedFeature(1)), store.ready(60_000)];
    await store.close();

    const [load, save, ready] = await Promise.allSettled(asked);
    expect([load?.status, save?.status]).toEqual(['rejected', 'rejected']);
    expect(ready).toEqual({ status: 'fulfilled', value: false });
  });

  it('looks no more when nobody listens', async () => {
    const { store, end } = member({ pollMs: 50 });
    await store.ready(READY_MS);
    end();
    await new Promise((resolve) => void setTimeout(resolve, 100)); // what was under way
    const { answered } = store.health();
    await new Promise((resolve) => void setTimeout(resolve, 500));

    // A PING, and a look that took long; ten would be the looks of 500 ms.
    expect(store.health().answered - answered).toBeLessThanOrEqual(2);
    await store.close();
  });

  it('refuses a record that is too large, and one that it cannot read where it is to answer with it', async () => {
    const { store } = member();
    await store.save(sharedFeature(3));
    await expect(store.save(sharedFeature(4, { reason: 'x'.repeat(300_000) }))).rejects.toThrow(RangeError);
    const key = `rb1:{${namespace}/features}:r`;
    const text = (await server.admin.hget(key, 'reco')) as string;
    await server.admin.hset(key, 'reco', text.replace('alice', 'mallory'));

    await expect(store.save(sharedFeature(2))).rejects.toThrow('the record of reco that the store has cannot be read');
    expect(await store.save(sharedFeature(4))).toMatchObject({ revision: 4 }); // a later one takes its place
    const dayOld = text.replace('alice', 'mallory').replace(/^3 0061 \d+ /, () => '999 0061 1700000000000 ');
    await server.admin.hset(key, 'reco', dayOld);
    expect(await store.save(sharedFeature(5))).toMatchObject({ revision: 5 }); // and any where it cannot be in force
    expect(await store.load()).toHaveLength(1);
    await store.close();
  });

  it('keeps records that others have sealed from those who do not know the secret', async () => {
    const mine = {
      seal: (text: string) => `mine${text.length}`,
      isSealed: (text: string, given: string) => given === `mine${text.length}`,
    };
    const [insider, outsider] = [member({ seal: mine }), member()];
    await insider.store.save(sharedFeature(1));
    expect(await outsider.store.load()).toEqual([]);
    await outsider.store.save(sharedFeature(2));

    expect(await insider.store.load()).toEqual([]);
    expect(insider.told).toContainEqual(expect.objectContaining({ type: 'feature-store.refused', feature: 'reco' }));
    await Promise.all([insider.store.close(), outsider.store.close()]);
  });

  it('survives listeners that throw', async () => {
    const { one, other, close } = await two();
    const throwing = (): never => {
      throw new Error('mine');
    };
    other.store.listen(throwing, { away: throwing, whole: throwing });
    const heard: number[] = [];
    other.store.listen(({ revision }) => heard.push(revision));
    await other.store.load();
    await one.store.save(sharedFeature(1));

    await eventually(() => heard.includes(1), { what: 'the record' });
    expect(other.store.health().mode).toBe('shared');
    await close();
  });

  it('charter M9: leaves nothing on the server that stays for ever', async () => {
    const { store } = member();
    await store.save(sharedFeature(1), sharedChange(1));
    const keys = ['m', 'r', 't'].map((what) => `rb1:{${namespace}/features}:${what}`);
    await server.admin.pexpire(keys[1] as string, 60_000);
    await store.load();

    expect(await server.keysWithoutTtl()).toEqual([]);
    expect(await server.admin.pttl(keys[1] as string)).toBeGreaterThan(500_000_000);
    await store.close();
  });
});
