import { expectTypeOf } from 'vitest';

import type { Context } from '../../kernel/context.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { retry, type RetryOptions } from './retry.ts';

const policy = retry({ name: 'prices', maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 2 });

expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.execute(async () => ({ id: 'a' }))).toEqualTypeOf<Promise<{ id: string }>>();
expectTypeOf(policy.execute<number | string>(() => 7)).toEqualTypeOf<Promise<number | string>>();
expectTypeOf(policy.wrap((context: Context, id: string) => id + String(context.deadline))).toEqualTypeOf<
  (context: Context, id: string) => Promise<string>
>();
expectTypeOf(pipeline(policy, retry()).execute(() => null)).toEqualTypeOf<Promise<null>>();
expectTypeOf(policy.retriedCount).toBeNumber();

// A thrown value is unknown until it is looked at.
expectTypeOf<NonNullable<RetryOptions['isRetryable']>>().parameters.toEqualTypeOf<[error: unknown]>();
// @ts-expect-error -- options are read-only
retry.name = 'x';
// @ts-expect-error -- no such option
retry({ attempts: 3 });
