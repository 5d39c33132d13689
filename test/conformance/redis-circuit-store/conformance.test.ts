import { type CircuitStore, circuitBreaker } from '@holdfast/core';
import { type CircuitStoreSubject, circuitStoreConformance } from '@holdfast/core/testing';
import { type RedisCircuitStore, redisCircuitStore } from '@holdfast/redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';

let server: RedisServer;
let client: Redis;
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis({ port: server.port, lazyConnect: true });
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const subject: CircuitStoreSubject = {
  stores: async (size) => {
    const namespace = `conformance-${++count}`;
    return Array.from({ length: size }, (_each, index) => redisCircuitStore(client, { namespace, node: `n${index}` }));
  },
  breaker: (store, options) => circuitBreaker({ ...options, store }),
  hold: async (store, name, state, forMs) => {
    const wish = { owner: 'ops', reason: 'a drill' };
    if (state === 'auto') await ofRedis(store).release(name, wish);
    else await ofRedis(store).hold(name, state, { ...wish, forMs });
  },
  until: async (condition, limitMs) =>
    void (await eventually(condition, { what: 'what the case waits for', limitMs, everyMs: 5 })),
};

function ofRedis(store: CircuitStore): RedisCircuitStore {
  return store as RedisCircuitStore;
}

describe('redisCircuitStore', () => {
  it.each(circuitStoreConformance)('$name', async (each) => {
    await expect(each.run(subject)).resolves.toBeUndefined();
  });
});
