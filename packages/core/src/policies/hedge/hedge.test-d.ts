import { expectTypeOf } from 'vitest';

import { pipeline } from '../../kernel/pipeline.ts';
import { createRegistry } from '../../registry/registry.ts';
import { type Hedge, type HedgeOptions, hedge } from './hedge.ts';

const policy = hedge(100);

expectTypeOf(policy).toEqualTypeOf<Hedge>();
expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.execute(async () => ({ id: 'a' }))).toEqualTypeOf<Promise<{ id: string }>>();
expectTypeOf(policy.wrap((id: string) => id.length)).toEqualTypeOf<(id: string) => Promise<number>>();
expectTypeOf(pipeline(policy, hedge({ delayMs: 5 })).execute(() => null)).toEqualTypeOf<Promise<null>>();
expectTypeOf(createRegistry().create(hedge, { name: 'prices', delayMs: 5 })).toEqualTypeOf<Hedge>();
expectTypeOf(policy.snapshot().wonByHedge).toBeNumber();

// The delay is required; the rest is not.
expectTypeOf<{ delayMs: 5 }>().toExtend<HedgeOptions>();
// @ts-expect-error -- delayMs is missing
hedge({ name: 'prices' });
// @ts-expect-error -- no such option
hedge({ delayMs: 5, delay: 5 });
