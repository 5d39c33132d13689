import { redisOnce, redisRateLimiter } from '@holdfast/redis';
import { Cluster } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';

import { eventually, sleep } from '../../redis-lab/eventually.ts';
import { startRedisServer } from '../../redis-lab/redis-server.ts';
import { startTcpProxy } from '../../redis-lab/tcp-proxy.ts';

type Limiter = ReturnType<typeof redisRateLimiter>;

async function runs(policy: Limiter, count: number): Promise<number> {
  const calls = Array.from({ length: count }, () => policy.execute(() => 1).catch(() => 0));
  return (await Promise.all(calls)).reduce<number>((sum, one) => sum + one, 0);
}

describe('redisRateLimiter and redisOnce, on a Cluster', () => {
  it('keep all keys of an operation in one slot, and work', async () => {
    const server = await startRedisServer({ config: ['cluster-enabled yes', 'cluster-announce-ip 127.0.0.1'] });
    onTestFinished(() => server.stop());
    await server.admin.call('CLUSTER', ['ADDSLOTSRANGE', '0', '16383']);
    await eventually(async () => String(await server.admin.call('CLUSTER', ['INFO'])).includes('cluster_state:ok'), {
      what: 'the cluster',
    });
    const client = new Cluster([{ host: server.host, port: server.port }], { lazyConnect: true });
    onTestFinished(() => client.disconnect());
    const limiters = ['a', 'b{c}', 'd/e', '}{'].map((name) =>
      redisRateLimiter(client, {
        namespace: 'shop',
        name,
        maxPerInterval: 1000,
        maxWaitMs: 2000,
        commandTimeoutMs: 1000,
      }),
    );
    const once = redisOnce(client, { namespace: 'shop' });
    onTestFinished(async () => {
      await Promise.all([once.close(), ...limiters.map((limiter) => limiter.close())]);
    });

    expect(await Promise.all(limiters.map((limiter) => runs(limiter, 20)))).toEqual([20, 20, 20, 20]);
    await eventually(() => limiters.every((limiter) => limiter.snapshot().mode === 'shared'), {
      what: 'limiters that share', // on a busy machine the first request may be late, and its calls go on alone
    });
    expect(await Promise.all(limiters.map((limiter) => runs(limiter, 20)))).toEqual([20, 20, 20, 20]);
    expect(await once.run('refund/{7}', () => 'done')).toBe('done');
    expect(await once.run('refund/{7}', () => 'again')).toBe('done');
    expect(await server.keysWithoutTtl()).toEqual([]);
  });
});

describe('redisRateLimiter, over a network in trouble', () => {
  async function setUp() {
    const server = await startRedisServer();
    onTestFinished(() => server.stop());
    const proxy = await startTcpProxy(server.port);
    onTestFinished(() => proxy.stop());
    const client = server.connect({ port: proxy.port, lazyConnect: true });
    const policy = redisRateLimiter(client, { namespace: 'shop', name: 'q', maxPerInterval: 1000, maxBurst: 200 });
    onTestFinished(() => policy.close());
    expect(await runs(policy, 10)).toBe(10);
    return { server, proxy, policy };
  }

  it('uses no token twice where replies are lost, and none is gone for long', async () => {
    const { server, proxy, policy } = await setUp();
    const granted = async () => Number((await server.admin.hget('rb1:{shop/rate/q}:g', 'tat')) ?? 0);
    await sleep(300);
    const before = await granted();
    proxy.apply({ toClient: { kind: 'stall' } });
    const ran = await runs(policy, 20);
    expect(policy.snapshot().mode).toBe('alone');
    await proxy.heal();
    await eventually(
      async () => {
        await runs(policy, 1);
        return policy.snapshot().mode === 'shared';
      },
      { what: 'the shared rate' },
    );

    expect(ran).toBeGreaterThan(0);
    expect(await granted()).toBeGreaterThan(before);
    expect(await runs(policy, 20)).toBe(20);
  });

  it('goes on where the connection is reset again and again', async () => {
    const { proxy, policy } = await setUp();
    let ran = 0;
    for (let round = 0; round < 20; round++) {
      proxy.reset();
      ran += await runs(policy, 5);
      await sleep(20);
    }

    expect(ran).toBeGreaterThan(50);
    await eventually(
      async () => {
        await runs(policy, 1);
        return policy.snapshot().mode === 'shared';
      },
      { what: 'the shared rate' },
    );
  });
});
