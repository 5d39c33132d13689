import { expectTypeOf } from 'vitest';

import { pipeline } from '../../kernel/pipeline.ts';
import { type Sourced, sourced } from '../../kernel/provenance.ts';
import { retry } from '../retry/retry.ts';
import { type Fallback, fallback } from './fallback.ts';

const stale = fallback({ value: 'stale' });
const empty = fallback({ substitute: async () => null });

// The caller gets the value of the operation or that of the fallback.
expectTypeOf(stale).toEqualTypeOf<Fallback<string>>();
expectTypeOf(stale.execute(() => 7)).toEqualTypeOf<Promise<number | string>>();
expectTypeOf(stale.execute(async () => 'fresh')).toEqualTypeOf<Promise<string>>();
expectTypeOf(empty.execute(() => 7)).toEqualTypeOf<Promise<number | null>>();
expectTypeOf(stale.wrap((id: number) => id)).toEqualTypeOf<(id: number) => Promise<number | string>>();

// A pipeline adds up what its policies may give instead.
expectTypeOf(pipeline(stale, retry()).execute(() => 7)).toEqualTypeOf<Promise<number | string>>();
expectTypeOf(pipeline(stale, empty).execute(() => 7)).toEqualTypeOf<Promise<number | string | null>>();
expectTypeOf(pipeline(retry()).execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(pipeline(pipeline(stale), retry()).execute(() => 7)).toEqualTypeOf<Promise<number | string>>();

fallback({ substitute: (error) => String(error) });
// @ts-expect-error -- an error is unknown until it is looked at
fallback({ substitute: (error) => error.message });
// @ts-expect-error -- no such option
fallback({ value: 1, default: 1 });

// Steps add up what they give, through any pipeline.
const chain = fallback({
  steps: [{ value: 7 }, { substitute: async (error, context) => `${String(error)} ${context.cancelled}` }],
});
expectTypeOf(chain).toEqualTypeOf<Fallback<number | string>>();
expectTypeOf(pipeline(chain, retry()).execute(() => true)).toEqualTypeOf<Promise<boolean | number | string>>();
expectTypeOf(fallback({ steps: [{ value: null, when: (error) => error instanceof Error }] })).toEqualTypeOf<
  Fallback<null>
>();
// @ts-expect-error -- no such option of a step
fallback({ steps: [{ value: 1, tries: 2 }] });

// An update keeps to the type.
stale.update({ value: 'older', enforcement: 'observe' });
// @ts-expect-error -- the policy gives strings
stale.update({ value: 7 });
// @ts-expect-error -- the name stays
stale.update({ name: 'other' });

// With its provenance, the value has the type that execute gives.
expectTypeOf(sourced(pipeline(stale, retry()), () => 7)).toEqualTypeOf<Promise<Sourced<number | string>>>();
expectTypeOf(sourced(retry(), async () => 7)).toEqualTypeOf<Promise<Sourced<number>>>();
