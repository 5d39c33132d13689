import { expectTypeOf } from 'vitest';

import { contextKey } from '../../kernel/context.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { createRegistry } from '../../registry/registry.ts';
import { type Coalesce, type CoalesceChanges, type CoalesceSnapshot, coalesce } from './coalesce.ts';

const sku = contextKey<string>('sku');
const policy = coalesce({ keyOf: (context) => context.value(sku), maxKeys: 100 });

expectTypeOf(policy).toEqualTypeOf<Coalesce>();
expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.execute(async () => [1, 'a'] as const)).toEqualTypeOf<Promise<readonly [1, 'a']>>();
expectTypeOf(policy.wrap((...ids: string[]) => ids)).toEqualTypeOf<(...ids: string[]) => Promise<string[]>>();
expectTypeOf(pipeline(policy).execute(() => undefined)).toEqualTypeOf<Promise<undefined>>();
expectTypeOf(policy.snapshot()).toEqualTypeOf<CoalesceSnapshot>();
expectTypeOf(createRegistry().create(coalesce, { name: 'prices', keyOf: () => 'all' })).toEqualTypeOf<Coalesce>();

// @ts-expect-error -- a snapshot is read-only
policy.snapshot().inFlight = 0;
// @ts-expect-error -- a key is a string
coalesce({ keyOf: () => 7 });
// @ts-expect-error -- a key is known at once
coalesce({ keyOf: async () => 'all' });
// @ts-expect-error -- keyOf is required
coalesce({ maxKeys: 4 });
// @ts-expect-error -- no such option: nothing is kept
coalesce({ keyOf: () => 'all', ttlMs: 1000 });

// Options can be changed, all but the name, the ports and what a key means.
expectTypeOf<Parameters<typeof policy.update>[0]>().toEqualTypeOf<CoalesceChanges>();
expectTypeOf<keyof CoalesceChanges>().toEqualTypeOf<'maxKeys' | 'enforcement'>();
// @ts-expect-error -- keyOf cannot be changed
policy.update({ keyOf: () => 'all' });
// @ts-expect-error -- no such enforcement
coalesce({ keyOf: () => 'all', enforcement: 'on' });
expectTypeOf(policy.describe().kind).toBeString();
