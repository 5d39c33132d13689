import { describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { observe, settled } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { timeout } from '../timeout/timeout.ts';
import { retryAttemptOf } from '../../kernel/retry-attempt.ts';
import { type Retry, type RetryOptions, retry } from './retry.ts';

const clock = virtualClock();
const make = (name: string, options: RetryOptions = {}): Retry =>
  retry({ name, clock, baseDelayMs: 0, maxRetryRatio: Infinity, ...options });

/** Runs what must fail, and says how often the operation ran. */
async function triesOf(run: (operation: (context: Context) => never) => Promise<unknown>): Promise<number> {
  let tries = 0;
  const outcome = observe(
    run(() => {
      tries++;
      throw new Error('down');
    }),
  );
  await clock.runAll();
  expect(outcome()).toMatchObject({ status: 'rejected', error: { message: 'down' } });
  return tries;
}

describe('retry inside a retry', () => {
  it('(7) charter H6: does not multiply tries in one pipeline', async () => {
    const both = pipeline(make('outer'), make('inner'));

    expect(await triesOf((operation) => both.execute(operation))).toBe(3);
    const context = Context.withClock(clock).withTimeout(1000);
    expect(await triesOf((operation) => both.execute(operation, context))).toBe(3);
  });

  it('(7) charter H6: does not multiply tries in three layers, nor in nested pipelines', async () => {
    const inner = pipeline(make('c'), timeout({ timeoutMs: 50, clock }));
    const all = pipeline(make('a'), pipeline({ name: 'nested' }, make('b'), inner));

    expect(await triesOf((operation) => all.execute(operation))).toBe(3);
  });

  it('(7) charter H6: does not multiply tries across user code that passes its context on', async () => {
    const [outer, inner] = [make('outer'), make('inner', { maxAttempts: 5 })];
    const key = contextKey<string>('tenant');
    const across = (derive: (context: Context) => Context) =>
      triesOf((operation) =>
        outer.execute(async (context) => {
          await Promise.resolve();
          return await inner.execute(operation, derive(context));
        }),
      );

    expect(await across((context) => context)).toBe(3);
    expect(await across((context) => context.withTimeout(100))).toBe(3);
    expect(await across((context) => context.withValue(key, 'a'))).toBe(3);
    expect(await across((context) => context.withoutCancel())).toBe(3);
    expect(await across((context) => context.withCancel())).toBe(3);
  });

  it('multiplies where the context is not passed on: nothing tells', async () => {
    const [outer, inner] = [make('outer'), make('inner')];

    expect(await triesOf((operation) => outer.execute(() => inner.execute(operation)))).toBe(9);
  });

  it('(7) multiplies where whenNested says so', async () => {
    const both = pipeline(make('outer'), make('inner', { whenNested: 'retry' }));

    expect(await triesOf((operation) => both.execute(operation))).toBe(9);
  });

  it.each([{ maxAttempts: 1 }, { enforcement: 'observe' }, { enforcement: 'off' }] as const)(
    'retries inside one that does not: %j',
    async (options) => {
      const both = pipeline(make('outer', options), make('inner'));

      expect(await triesOf((operation) => both.execute(operation))).toBe(3);
    },
  );

  it('tells that the retry outside will try again, and counts it', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const inner = make('inner', { events });
    await triesOf((operation) => pipeline(make('outer', { maxAttempts: 2 }), inner).execute(operation));

    expect(recorder.events).toMatchObject([
      { type: 'retry.gave-up', name: 'inner', reason: 'nested', attempt: 1 },
      { type: 'retry.gave-up', name: 'inner', reason: 'nested', attempt: 1 },
    ]);
    expect(inner.snapshot()).toMatchObject({ calls: 2, retried: 0, gaveUp: { nested: 2 } });
  });

  it('says not-retryable, not nested, of what would not have been retried', async () => {
    const inner = make('inner', { isRetryable: () => false });
    await triesOf((operation) => pipeline(make('outer'), inner).execute(operation));

    expect(inner.snapshot().gaveUp).toMatchObject({ nested: 0, 'not-retryable': 3 });
  });
});

describe('the context of a try', () => {
  it('says which try of which retry it is', async () => {
    const seen: unknown[] = [];
    const look = (context: Context): never => {
      seen.push(retryAttemptOf(context));
      throw new Error('down');
    };
    for (const context of [undefined, Context.withClock(clock).withCancel()]) {
      void observe(make('prices').execute(look, context));
      await clock.runAll();
    }

    const tries = [1, 2, 3].map((attempt) => ({ policy: 'prices', attempt }));
    expect(seen).toEqual([...tries, ...tries]);
    expect(retryAttemptOf(Context.background)).toBeUndefined();
  });

  it('keeps the values, the deadline and the end of the context of the call', async () => {
    const key = contextKey<string>('tenant');
    const context = Context.withClock(clock).withTimeout(500).withValue(key, 'acme');
    const seen: unknown[] = [];
    const call = await settled(
      make('prices').execute((own) => {
        seen.push(own.value(key), own.deadline === context.deadline);
        return 'value';
      }, context),
    );

    expect(call).toEqual({ status: 'fulfilled', value: 'value' });
    expect(seen).toEqual(['acme', true]);
  });

  it('is the same object for all first tries without a context of their own, so that it costs nothing', async () => {
    const seen = new Set<Context>();
    const policy = make('prices');
    for (let calls = 0; calls < 3; calls++) await policy.execute((context) => seen.add(context));

    expect(seen.size).toBe(1);
  });
});
