import { expectTypeOf } from 'vitest';

import { pipeline } from '../../kernel/pipeline.ts';
import { type Bulkhead, type BulkheadSnapshot, bulkhead } from './bulkhead.ts';

const policy = bulkhead({ maxConcurrent: 4, maxQueued: 20 });

expectTypeOf(policy).toEqualTypeOf<Bulkhead>();
expectTypeOf(bulkhead(4)).toEqualTypeOf<Bulkhead>();
expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.execute(async () => [1, 'a'] as const)).toEqualTypeOf<Promise<readonly [1, 'a']>>();
expectTypeOf(policy.wrap((...ids: string[]) => ids)).toEqualTypeOf<(...ids: string[]) => Promise<string[]>>();
expectTypeOf(pipeline(policy, bulkhead()).execute(() => undefined)).toEqualTypeOf<Promise<undefined>>();
expectTypeOf(policy.snapshot()).toEqualTypeOf<BulkheadSnapshot>();

// @ts-expect-error -- a snapshot is read-only
policy.snapshot().running = 0;
// @ts-expect-error -- no such option
bulkhead({ limit: 4 });
