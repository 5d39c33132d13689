import type { Context } from '@holdfast/core';
import { type OnceGrant, type RedisOnce, redisOnce } from '@holdfast/redis';
import { type Cluster, Redis } from 'ioredis';
import { expectTypeOf } from 'vitest';

const once = redisOnce(new Redis({ lazyConnect: true }), { namespace: 'shop', leaseMs: 1000 });

expectTypeOf(once).toEqualTypeOf<RedisOnce>();
expectTypeOf(redisOnce).toBeCallableWith({} as Cluster, { namespace: 'shop' });
expectTypeOf(once.run('a', () => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(
  once.run('a', async (context: Context, grant: OnceGrant) => `${String(context)} ${grant.fencingToken}`),
).toEqualTypeOf<Promise<string>>();

// @ts-expect-error -- the namespace is needed
redisOnce(new Redis({ lazyConnect: true }), {});
// @ts-expect-error -- there is no such option
redisOnce(new Redis({ lazyConnect: true }), { namespace: 'shop', ttl: 5 });
