import { expectTypeOf } from 'vitest';

import { pipeline } from '../../kernel/pipeline.ts';
import { createRegistry } from '../../registry/registry.ts';
import { type Hedge, type HedgeChanges, type HedgeOptions, type LatencyQuantile, hedge } from './hedge.ts';

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

// A delay is a number, or a quantile with an upper end.
expectTypeOf<LatencyQuantile>().toExtend<HedgeOptions['delayMs']>();
hedge({ delayMs: { quantile: 0.95, maxMs: 500 }, hedgeOnFailure: true, enforcement: 'observe' });
// @ts-expect-error -- maxMs is missing
hedge({ delayMs: { quantile: 0.95 } });
// @ts-expect-error -- no such enforcement
hedge({ delayMs: 5, enforcement: 'on' });

// Options can be changed, all but the name and the ports.
expectTypeOf<Parameters<typeof policy.update>[0]>().toEqualTypeOf<HedgeChanges>();
expectTypeOf<keyof HedgeChanges>().toEqualTypeOf<
  'delayMs' | 'maxAttempts' | 'maxHedgeRatio' | 'hedgeOnFailure' | 'classify' | 'enforcement'
>();
// @ts-expect-error -- the name cannot be changed
policy.update({ name: 'prices' });
expectTypeOf(policy.describe().enforcement).toEqualTypeOf<'enforce' | 'observe' | 'off'>();
