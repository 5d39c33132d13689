import { type PolicyDescription, type RateLimiterGrant, pipeline, timeout } from '@holdfast/core';
import { type RedisRateLimiter, type SharedRateLimiterSnapshot, redisRateLimiter } from '@holdfast/redis';
import { type Cluster, Redis } from 'ioredis';
import { expectTypeOf } from 'vitest';

const policy = redisRateLimiter(new Redis({ lazyConnect: true }), { namespace: 'shop', name: 'q', maxPerInterval: 5 });

expectTypeOf(policy).toEqualTypeOf<RedisRateLimiter>();
expectTypeOf(redisRateLimiter).toBeCallableWith({} as Cluster, { namespace: 'shop', name: 'q', maxPerInterval: 5 });
expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(pipeline(timeout(100), policy).execute(() => 'a')).toEqualTypeOf<Promise<string>>();
expectTypeOf(policy.snapshot()).toEqualTypeOf<SharedRateLimiterSnapshot>();
expectTypeOf(policy.tryAcquire(3)).toEqualTypeOf<RateLimiterGrant>();
expectTypeOf(policy.describe()).toEqualTypeOf<PolicyDescription>();
expectTypeOf(policy.update({ maxWaitMs: 5, enforcement: 'off' })).toEqualTypeOf<void>();

// @ts-expect-error -- the rate is needed
redisRateLimiter(new Redis({ lazyConnect: true }), { namespace: 'shop', name: 'q' });
// @ts-expect-error -- the life of a batch cannot be changed
policy.update({ leaseMs: 50 });
