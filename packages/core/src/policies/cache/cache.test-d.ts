import { expectTypeOf } from 'vitest';

import type { Context } from '../../kernel/context.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { type Sourced, sourced } from '../../kernel/provenance.ts';
import { retry } from '../retry/retry.ts';
import { type Cache, type CachedValue, cache } from './cache.ts';

const prices = cache({ keyOf: (context) => (context.cancelled ? undefined : 'tea'), ttlMs: 5000 });

// A cache gives what the operation gives.
expectTypeOf(prices).toEqualTypeOf<Cache>();
expectTypeOf(prices.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(pipeline(prices, retry()).execute(async () => 'fresh')).toEqualTypeOf<Promise<string>>();
expectTypeOf(prices.wrap((id: number) => id)).toEqualTypeOf<(id: number) => Promise<number>>();
expectTypeOf(sourced(prices, () => 7)).toEqualTypeOf<Promise<Sourced<number>>>();

// What it holds is of any type.
expectTypeOf(prices.peek('tea')).toEqualTypeOf<CachedValue | undefined>();
expectTypeOf<CachedValue['value']>().toEqualTypeOf<unknown>();

cache({ keyOf: (context: Context) => String(context.deadline) });
// @ts-expect-error -- keyOf is needed
cache({ ttlMs: 5 });
// @ts-expect-error -- a key is a string
cache({ keyOf: () => 7 });
// @ts-expect-error -- no such option
cache({ keyOf: () => 'a', ttl: 5 });
// @ts-expect-error -- what a value is kept under stays
prices.update({ keyOf: () => 'b' });
