import { createDeferral } from '@holdfast/degradation';
import { type RedisOutbox, redisOutbox } from '@holdfast/redis';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';

import { eventually } from '../../redis-lab/eventually.ts';
import { startRedisServer } from '../../redis-lab/redis-server.ts';
import { startSentinelTopology } from '../../redis-lab/sentinel-topology.ts';
import { startTcpProxy } from '../../redis-lab/tcp-proxy.ts';

const place = { namespace: 'shop', name: 'work', commandTimeoutMs: 1000 };
const keys = Array.from({ length: 30 }, (_, index) => `order-${index}`);

/** Delivers all that is in an outbox. Returns what was delivered, in order. */
async function drain(outbox: RedisOutbox<string>): Promise<string[]> {
  const delivered: string[] = [];
  const deferral = createDeferral<string>({
    outbox,
    keyOf: (item) => item,
    deliver: (item) => void delivered.push(item),
    isDeferred: () => false,
    maxPerSecond: 1000,
    lookEveryMs: 20,
  });
  const isEmpty = async (): Promise<boolean> => {
    const counts = await outbox.count().catch(() => undefined);
    return counts !== undefined && counts.waiting + counts.taken === 0;
  };
  await eventually(isEmpty, { what: 'an empty outbox', limitMs: 30_000 });
  await deferral.close();
  return delivered;
}

describe('redisOutbox, on a Cluster', () => {
  it('keeps all keys in one slot, whatever its name, and works', async () => {
    const server = await startRedisServer({ config: ['cluster-enabled yes', 'cluster-announce-ip 127.0.0.1'] });
    onTestFinished(() => server.stop());
    await server.admin.call('CLUSTER', ['ADDSLOTSRANGE', '0', '16383']);
    await eventually(async () => String(await server.admin.call('CLUSTER', ['INFO'])).includes('cluster_state:ok'), {
      what: 'the cluster',
    });
    const client = new Cluster([{ host: server.host, port: server.port }], { lazyConnect: true });
    onTestFinished(() => client.disconnect());
    for (const name of ['a', 'b{c}', 'd/e', '}{']) {
      const outbox = redisOutbox<string>(client, { ...place, name });
      onTestFinished(() => outbox.close());
      for (const key of keys.slice(0, 5)) expect(await outbox.add(key, key)).toBe('kept');
      expect(await drain(outbox)).toEqual(keys.slice(0, 5));
    }
    expect(await server.keysWithoutTtl()).toEqual([]);
  });
});

describe('redisOutbox, behind Sentinels', () => {
  it('goes on after a failover with all that the replica had, and takes nothing for delivered that was not', async () => {
    await using topology = await startSentinelTopology();
    const client = new Redis({ ...topology.clientOptions, lazyConnect: true });
    onTestFinished(() => client.disconnect());
    const outbox = redisOutbox<string>(client, place);
    onTestFinished(() => outbox.close());
    for (const key of keys) expect(await outbox.add(key, key)).toBe('kept');
    const inHand = (await outbox.take({ leaseMs: 1000, gapMs: 0 })).entry!;
    await topology.catchUp();
    await topology.failOverByKill();

    const delivered = await drain(outbox);

    expect(delivered.toSorted()).toEqual([...keys].toSorted()); // also what was in hand, and was given out again
    await outbox.settle(inHand); // by somebody who was away for long: it changes nothing
    expect(await outbox.count()).toEqual({ waiting: 0, taken: 0, dead: 0 });
  }, 60_000);
});

describe('redisOutbox, over a network in trouble', () => {
  it('keeps each key once where replies are lost, and delivers each', async () => {
    const server = await startRedisServer();
    onTestFinished(() => server.stop());
    const proxy = await startTcpProxy(server.port);
    onTestFinished(() => proxy.stop());
    const client = server.connect({ port: proxy.port, lazyConnect: true });
    const outbox = redisOutbox<string>(client, { ...place, commandTimeoutMs: 300 });
    onTestFinished(() => outbox.close());
    const accepted: string[] = [];
    for (const [index, key] of keys.entries()) {
      if (index % 3 === 1)
        proxy.apply({ toClient: { kind: 'cut', afterBytes: 0, armedBy: 'evalsha' } }, undefined, { times: 1 });
      if (index % 5 === 2) proxy.reset();
      const answer = await outbox.add(key, key).catch(() => 'unknown');
      if (answer !== 'unknown') accepted.push(key);
    }
    await proxy.heal();
    for (const key of keys)
      if (!accepted.includes(key))
        await eventually(() => outbox.add(key, key).catch(() => undefined), { what: 'an add' });

    const delivered = await drain(outbox);

    expect(accepted.length).toBeGreaterThan(10);
    expect(delivered.toSorted()).toEqual([...keys].toSorted()); // each once: no process died
  }, 60_000);
});
