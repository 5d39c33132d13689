import { circuitBreaker, createRegistry } from '@holdfast/core';
import { redisCircuitStore } from '@holdfast/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sleep } from '../../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());

const BREAKERS = 1000;
const SECONDS = 5;

describe('the traffic of a store', () => {
  it('charter M2: is a script a second at most with 1,000 breakers, whether they rest or are busy', async () => {
    const store = redisCircuitStore(server.connect({ lazyConnect: true }), { namespace: 'traffic' });
    const registry = createRegistry({ store });
    const breakers = Array.from({ length: BREAKERS }, (_each, index) =>
      registry.create(circuitBreaker, { name: `c${index}` }),
    );
    await store.ready(30_000);
    await sleep(1500); // the first polls are closer together
    const scriptsPerSecond = async (work: () => void): Promise<number> => {
      await server.resetCalls();
      const from = performance.now();
      for (let tick = 0; tick < SECONDS * 10; tick++) {
        work();
        await sleep(100);
      }
      const seconds = (performance.now() - from) / 1000; // more than it slept, where the machine was busy
      return (await server.scriptCalls()) / Math.ceil(seconds);
    };

    const idle = await scriptsPerSecond(() => {});
    const busy = await scriptsPerSecond(() => {
      for (const breaker of breakers) breaker.tryAcquire()?.success();
      breakers[0]?.tryAcquire()?.failure();
    });
    await store.close();

    expect(idle).toBeLessThanOrEqual(1);
    expect(busy).toBeLessThanOrEqual(1);
  });
});
