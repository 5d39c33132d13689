import { type Cluster, Redis } from 'ioredis';
import { expectTypeOf } from 'vitest';

import {
  type FeatureAuditEntry,
  type FeatureStoreEvent,
  type FeatureStoreHealth,
  type RedisFeatureStore,
  redisFeatureStore,
} from '@holdfast/redis';

const redis = new Redis({ lazyConnect: true });
const store = redisFeatureStore(redis, { namespace: 'shop' });

expectTypeOf(store).toEqualTypeOf<RedisFeatureStore>();
expectTypeOf(redisFeatureStore).toBeCallableWith({} as Cluster, { namespace: 'shop', pollMs: 500 });
expectTypeOf(store.audit()).toEqualTypeOf<Promise<readonly FeatureAuditEntry[]>>();
expectTypeOf(store.health()).toEqualTypeOf<FeatureStoreHealth>();
expectTypeOf(store.ready()).toEqualTypeOf<Promise<boolean>>();
expectTypeOf<FeatureStoreEvent['policy']>().toEqualTypeOf<'feature-store'>();

// @ts-expect-error -- the namespace is needed
redisFeatureStore(redis, {});
// @ts-expect-error -- there is no such option
redisFeatureStore(redis, { namespace: 'shop', ttlMs: 5 });
