import { expectTypeOf } from 'vitest';

import type { Context } from '../../kernel/context.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import {
  type FailedTry,
  type RetryAttempt,
  type RetryBudget,
  type RetryGaveUpReason,
  type RetryOptions,
  createRetryBudget,
  parseRetryAfterMs,
  retry,
  retryAttemptOf,
} from './retry.ts';

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
expectTypeOf(createRetryBudget({ maxRetryRatio: 0.1 })).toEqualTypeOf<RetryBudget>();
expectTypeOf(policy.snapshot().gaveUp).toEqualTypeOf<Readonly<Record<RetryGaveUpReason, number>>>();
expectTypeOf(retryAttemptOf).returns.toEqualTypeOf<RetryAttempt | undefined>();
expectTypeOf(parseRetryAfterMs(null, 0)).toEqualTypeOf<number | undefined>();
retry({ backoff: (failed) => (expectTypeOf(failed).toEqualTypeOf<FailedTry>(), 5) });
retry({ retryAfterMs: (outcome) => (expectTypeOf(outcome).toEqualTypeOf<Outcome>(), undefined) });
policy.update({ maxAttempts: 2, enforcement: 'observe' });

// @ts-expect-error -- no such backoff
retry({ backoff: 'linear' });
// @ts-expect-error -- a name cannot change
policy.update({ name: 'other' });
// @ts-expect-error -- a budget is shared from the start
policy.update({ budget: createRetryBudget() });
