import {
  type PolicyDescription,
  type PolicyKind,
  type RateLimiter,
  type RateLimiterGrant,
  type RateLimiterSnapshot,
  createRegistry,
  pipeline,
  rateLimiter,
  rateLimiterKind,
} from '@holdfast/core';
import { expectTypeOf } from 'vitest';

const policy = rateLimiter({ maxPerInterval: 50, maxQueued: 20 });

expectTypeOf(policy).toEqualTypeOf<RateLimiter>();
expectTypeOf(rateLimiter(50)).toEqualTypeOf<RateLimiter>();
expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.wrap((...ids: string[]) => ids)).toEqualTypeOf<(...ids: string[]) => Promise<string[]>>();
expectTypeOf(pipeline(policy, rateLimiter(5)).execute(() => undefined)).toEqualTypeOf<Promise<undefined>>();
expectTypeOf(policy.snapshot()).toEqualTypeOf<RateLimiterSnapshot>();
expectTypeOf(policy.update({ maxBurst: 3, enforcement: 'off' })).toEqualTypeOf<void>();
expectTypeOf(createRegistry().create(rateLimiter, { name: 'maps', maxPerInterval: 5 })).toEqualTypeOf<RateLimiter>();
expectTypeOf(policy.tryAcquire(3)).toEqualTypeOf<RateLimiterGrant>();
expectTypeOf(policy.planUpdate({ costOf: (context) => context.deadline })).toEqualTypeOf<() => void>();
expectTypeOf(policy.describe()).toEqualTypeOf<PolicyDescription>();
expectTypeOf(rateLimiterKind).toEqualTypeOf<PolicyKind>();

// @ts-expect-error -- a snapshot is read-only
policy.snapshot().queued = 0;
// @ts-expect-error -- the rate is needed
rateLimiter({ maxBurst: 4 });
// @ts-expect-error -- no such option
rateLimiter({ maxPerInterval: 4, burst: 4 });
// @ts-expect-error -- no such enforcement
policy.update({ enforcement: 'forced' });
// @ts-expect-error -- a name does not change
policy.update({ name: 'other' });
