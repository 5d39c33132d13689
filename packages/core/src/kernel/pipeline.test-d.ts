import { expectTypeOf } from 'vitest';

import { fallback } from '../policies/fallback/fallback.ts';
import { retry } from '../policies/retry/retry.ts';
import type { Context } from './context.ts';
import { type Pipeline, type SubstituteOf, pipeline } from './pipeline.ts';
import type { Operation } from './handler.ts';
import type { Policy } from './policy.ts';

/** A policy of a user: nothing but `execute`. */
const own = {
  execute: async <T>(operation: Operation<T>, context?: Context): Promise<T> => operation(context as Context),
};
const stale = fallback({ value: 'stale' });

// charter I4: a pipeline gives T, and T | F with a fallback in it, wherever that is and whatever else is in it.
expectTypeOf<SubstituteOf<[Policy]>>().toEqualTypeOf<never>();
expectTypeOf<SubstituteOf<[Policy<string>, Policy<null>]>>().toEqualTypeOf<string | null>();
expectTypeOf(pipeline(own, retry())).toExtend<Pipeline>();
expectTypeOf(pipeline({ name: 'x' }, own, stale).execute(() => 7)).toEqualTypeOf<Promise<number | string>>();
expectTypeOf(pipeline(pipeline(stale), retry()).wrap((x: number) => x)).toEqualTypeOf<
  (x: number) => Promise<number | string>
>();

expectTypeOf(pipeline().execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(own).toExtend<Policy>();
// @ts-expect-error -- no policy
pipeline(retry(), {});
