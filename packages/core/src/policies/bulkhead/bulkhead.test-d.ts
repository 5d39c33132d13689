import { expectTypeOf } from 'vitest';

import { pipeline } from '../../kernel/pipeline.ts';
import { AsyncLocalStorage } from 'node:async_hooks';

import { Context } from '../../kernel/context.ts';
import type { PolicyDescription, PolicyKind } from '../../kernel/description.ts';
import {
  type Bulkhead,
  type BulkheadChanges,
  type BulkheadOptions,
  type BulkheadPermit,
  type BulkheadSnapshot,
  bulkhead,
  bulkheadKind,
} from './bulkhead.ts';

const policy = bulkhead({ maxConcurrent: 4, maxQueued: 20 });

expectTypeOf(policy).toEqualTypeOf<Bulkhead>();
expectTypeOf(bulkhead(4)).toEqualTypeOf<Bulkhead>();
expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.execute(async () => [1, 'a'] as const)).toEqualTypeOf<Promise<readonly [1, 'a']>>();
expectTypeOf(policy.wrap((...ids: string[]) => ids)).toEqualTypeOf<(...ids: string[]) => Promise<string[]>>();
expectTypeOf(pipeline(policy, bulkhead()).execute(() => undefined)).toEqualTypeOf<Promise<undefined>>();
expectTypeOf(policy.snapshot()).toEqualTypeOf<BulkheadSnapshot>();

expectTypeOf(policy.tryAcquire()).toEqualTypeOf<BulkheadPermit | undefined>();
expectTypeOf(policy.tryAcquire(Context.background)).toEqualTypeOf<BulkheadPermit | undefined>();
expectTypeOf(policy.update({ maxConcurrent: 3, enforcement: 'off' })).toEqualTypeOf<void>();
expectTypeOf(policy.planUpdate({ order: 'adaptive-lifo' })).toEqualTypeOf<() => void>();
expectTypeOf(policy.describe()).toEqualTypeOf<PolicyDescription>();
expectTypeOf(bulkheadKind).toEqualTypeOf<PolicyKind>();
expectTypeOf<keyof BulkheadChanges>().toEqualTypeOf<
  Exclude<keyof BulkheadOptions, 'name' | 'clock' | 'random' | 'events' | 'captureAsyncContext' | 'store'>
>();

bulkhead({
  maxWaitMs: 50,
  minRunMs: 10,
  order: 'adaptive-lifo',
  standingAfterMs: 100,
  priorityOf: (context) => (context.deadline === Infinity ? 0 : 9),
  enforcement: 'observe',
  captureAsyncContext: () => AsyncLocalStorage.snapshot(),
});

// @ts-expect-error -- a snapshot is read-only
policy.snapshot().running = 0;
// @ts-expect-error -- no such option
bulkhead({ limit: 4 });
// @ts-expect-error -- no such order
bulkhead({ order: 'lifo' });
// @ts-expect-error -- a name does not change
policy.update({ name: 'other' });
// @ts-expect-error -- a clock does not change
policy.update({ clock: undefined });
// @ts-expect-error -- there may be none
policy.tryAcquire().release();
