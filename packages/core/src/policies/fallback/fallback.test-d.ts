import { expectTypeOf } from 'vitest';

import { pipeline } from '../../kernel/pipeline.ts';
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
