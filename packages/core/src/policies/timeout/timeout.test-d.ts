import { expectTypeOf } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { type TimeoutOptions, timeout } from './timeout.ts';

const policy = timeout(100);

// execute infers the value of the operation, sync or async, and adds nothing to it.
expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.execute(async () => 'a')).toEqualTypeOf<Promise<string>>();
expectTypeOf(policy.execute(({ signal }) => signal, Context.background)).toEqualTypeOf<Promise<AbortSignal>>();

// wrap keeps this and the parameters.
expectTypeOf(policy.wrap((id: string, count?: number) => `${id}${count}`)).toEqualTypeOf<
  (id: string, count?: number) => Promise<string>
>();
expectTypeOf(
  policy.wrap(async function (this: Date, add: number) {
    return this.getTime() + add;
  }),
).toEqualTypeOf<(this: Date, add: number) => Promise<number>>();

expectTypeOf(pipeline(policy).execute(() => true)).toEqualTypeOf<Promise<boolean>>();

// The time is required; the rest is not.
expectTypeOf<{ timeoutMs: 5 }>().toExtend<TimeoutOptions>();
// @ts-expect-error -- timeoutMs is missing
timeout({ name: 'prices' });
// @ts-expect-error -- no such option
timeout({ timeoutMs: 5, ms: 5 });
// @ts-expect-error -- a native signal is no context
void policy.execute(() => 7, new AbortController().signal);
