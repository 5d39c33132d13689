import { redisRateLimiter } from '@holdfast/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { eventually, sleep } from '../../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';

/** What the page documents: nothing more is needed, and each of these is. */
const rights = '+evalsha +eval +time +hmget +hset +hdel +zadd +zcard +zrangebyscore +zrem +pexpire +info +ping +hello';

let redis: RedisServer;

beforeAll(async () => {
  const users = [`user limiter on >secret resetkeys resetchannels ~rb1:{shop/* -@all ${rights}`];
  redis = await startRedisServer({ users });
});
beforeEach(() => redis.admin.flushall());
afterAll(() => redis.stop());

/** A request that a slow machine holds up for longer than by default is none that failed, and calls wait for it. */
const patient = { commandTimeoutMs: 5000, maxWaitMs: 5000 };

function limiter(options: Partial<Parameters<typeof redisRateLimiter>[1]> = {}, client = {}) {
  const all = { namespace: 'shop', name: 'quota', maxPerInterval: 1000, ...patient, ...options };
  const policy = redisRateLimiter(redis.connect({ lazyConnect: true, ...client }), all);
  onTestFinished(() => policy.close());
  return policy;
}

async function runs(policy: ReturnType<typeof limiter>, count: number): Promise<number> {
  const calls = Array.from({ length: count }, () => policy.execute(() => 1).catch(() => 0));
  return (await Promise.all(calls)).reduce<number>((sum, one) => sum + one, 0);
}

async function sharesAgain(policy: ReturnType<typeof limiter>): Promise<void> {
  const isShared = async (): Promise<boolean> => {
    await runs(policy, 1);
    return policy.snapshot().mode === 'shared';
  };
  await eventually(isShared, { what: 'the shared rate' });
}

describe('redisRateLimiter, on a server in trouble', () => {
  it('works with the documented rights, and touches no other key', async () => {
    const policy = limiter({}, { username: 'limiter', password: 'secret' });

    expect(await runs(policy, 50)).toBe(50);
    expect(policy.snapshot().mode).toBe('shared');
    expect(await redis.keys()).toEqual(['rb1:{shop/rate/quota}:g', 'rb1:{shop/rate/quota}:n']);
    await redis.admin.zadd('rb1:{shop/rate/quota}:n', 1, 'gone');
    await policy.close();
    expect(await redis.keysWithoutTtl()).toEqual([]);
  });

  it.each(rights.split(' ').filter((right) => !['+eval', '+info', '+ping', '+hello'].includes(right)))(
    'needs %s',
    async (right) => {
      const rest = rights.split(' ').filter((other) => other !== right);
      await redis.admin.zadd('rb1:{shop/rate/quota}:n', 1, 'gone');
      await redis.admin.call('ACL', [
        'SETUSER',
        'less',
        'on',
        '>secret',
        'resetkeys',
        '~rb1:{shop/*',
        '-@all',
        ...rest,
      ]);
      const policy = limiter({}, { username: 'less', password: 'secret' });
      await runs(policy, 5);

      expect(policy.snapshot().mode).toBe('alone');
      expect(policy.snapshot().store.failed).toBeGreaterThan(0);
      await redis.admin.call('ACL', ['DELUSER', 'less']);
    },
  );

  it('heals from SCRIPT FLUSH in a loop', async () => {
    const policy = limiter({ maxBurst: 100 });
    const flushing = new AbortController();
    const flushed = (async () => {
      while (!flushing.signal.aborted) {
        await redis.admin.script('FLUSH');
        await sleep(3);
      }
    })();
    let ran = 0;
    for (let round = 0; round < 20; round++) {
      ran += await runs(policy, 10);
      await sleep(20);
    }
    flushing.abort();
    await flushed;

    expect(ran).toBe(200);
    expect(policy.snapshot()).toMatchObject({ mode: 'shared', store: { failed: 0 } });
  });

  it('lets no call wait for a stopped server beyond its rules, and shares again by itself', async () => {
    const policy = limiter({ maxWaitMs: 1000, commandTimeoutMs: 200 });
    await sharesAgain(policy);
    redis.pause();
    await sleep(300); // what is in hand has run out
    const from = performance.now();
    const outcomes = await runs(policy, 20);
    const tookMs = performance.now() - from;
    redis.resume();

    expect(tookMs).toBeLessThan(2000); // the 1000 of its rules, and what a slow machine adds
    expect(outcomes).toBeGreaterThan(10);
    await sharesAgain(policy);
  });

  it('goes on over FLUSHALL', async () => {
    const policy = limiter();
    expect(await runs(policy, 20)).toBe(20);
    await redis.admin.flushall();
    await sleep(250);

    expect(await runs(policy, 20)).toBe(20);
    expect(policy.snapshot().mode).toBe('shared');
  });

  it('goes by its share where something else has its keys', async () => {
    await redis.admin.set('rb1:{shop/rate/quota}:g', 'mine');
    const policy = limiter();

    expect(await runs(policy, 5)).toBeGreaterThan(0);
    expect(policy.snapshot()).toMatchObject({
      mode: 'alone',
      store: { lastFailure: expect.stringContaining('WRONGTYPE') },
    });
  });

  it('leaves nothing after the time to live', async () => {
    const policy = limiter();
    await runs(policy, 5);
    await policy.close();
    const ttl = await redis.admin.pttl('rb1:{shop/rate/quota}:g');

    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(60_000);
  });
});
