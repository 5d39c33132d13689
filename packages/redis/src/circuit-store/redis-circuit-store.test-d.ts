import { type CircuitStore, type SharingExplanation, createRegistry } from '@holdfast/core';
import {
  type CircuitStoreEvent,
  type RedisCircuitStore,
  type RedisStoreHealth,
  redisCircuitStore,
} from '@holdfast/redis';
import { type Cluster, Redis } from 'ioredis';
import { expectTypeOf } from 'vitest';

const redis = new Redis({ lazyConnect: true });
const store = redisCircuitStore(redis, { namespace: 'shop' });

expectTypeOf(store).toEqualTypeOf<RedisCircuitStore>();
expectTypeOf(store).toExtend<CircuitStore>();
expectTypeOf(redisCircuitStore).toBeCallableWith({} as Cluster, { namespace: 'shop', quorum: { min: 2, ratio: 0.1 } });
expectTypeOf(createRegistry).toBeCallableWith({ store });
expectTypeOf(store.health()).toEqualTypeOf<RedisStoreHealth>();
expectTypeOf(store.explain('prices')).toEqualTypeOf<Promise<SharingExplanation>>();
expectTypeOf(store.ready()).toEqualTypeOf<Promise<boolean>>();
expectTypeOf<CircuitStoreEvent['policy']>().toEqualTypeOf<'circuit-store'>();

redisCircuitStore(redis, { namespace: 'shop', mode: (circuit) => (circuit === 'prices' ? 'window' : 'ruling') });
// @ts-expect-error -- the namespace is needed
redisCircuitStore(redis, {});
// @ts-expect-error -- there is no such state to hold a circuit in
void store.hold('prices', 'half-open', { owner: 'alice', forMs: 1000 });
// @ts-expect-error -- a hold has an end
void store.hold('prices', 'open', { owner: 'alice' });
