import { describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, observe, settled } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { cache } from '../cache/cache.ts';
import { coalesce } from '../coalesce/coalesce.ts';
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

describe('a retry that no other one repeats', () => {
  /** Keeps the context of every try of a call that is made `tries` times. */
  async function keptContexts(options: RetryOptions, context?: Context): Promise<Context[]> {
    const kept: Context[] = [];
    const call = make('outer', options).execute((own) => {
      kept.push(own);
      throw new Error('down');
    }, context);
    void observe(call);
    await clock.runAll();
    return kept;
  }

  it('tries again under withoutCancel, which is work of its own', async () => {
    const [outer, inner] = [make('outer'), make('inner')];
    const background: Promise<number>[] = [];
    await outer.execute((context) => {
      background.push(triesOf((operation) => inner.execute(operation, context.withoutCancel())));
    });

    expect(await Promise.all(background)).toEqual([3]);
    expect(inner.snapshot()).toMatchObject({ gaveUp: { nested: 0, attempts: 1 }, budget: { calls: 1 } });
  });

  it.each([undefined, Context.withClock(clock).withCancel()])(
    'tries again under a context that was kept until the call outside had settled (%s)',
    async (context) => {
      let kept = Context.background;
      await make('outer').execute((own) => void (kept = own), context);
      expect(kept).not.toBe(context ?? Context.background);

      expect(await triesOf((operation) => make('inner').execute(operation, kept))).toBe(3);
    },
  );

  it('(7) tries again under the context of the last try only, since the ones before were repeated', async () => {
    const kept = await keptContexts({ maxAttempts: 3 });
    const tries: number[] = [];
    for (const context of kept) tries.push(await triesOf((operation) => make('inner').execute(operation, context)));

    expect(tries).toEqual([1, 1, 3]);
  });

  it('tries again where the call outside settles before it fails, and then counts for the budget', async () => {
    const [outer, inner] = [make('outer'), make('inner')];
    const late: Promise<number>[] = [];
    const failLate = async (operation: () => never): Promise<void> => {
      await Promise.resolve();
      operation();
    };
    await outer.execute((context) => {
      late.push(triesOf((operation) => inner.execute(() => failLate(operation as () => never), context)));
    });

    expect(await Promise.all(late)).toEqual([3]);
    expect(inner.snapshot()).toMatchObject({ calls: 1, gaveUp: { nested: 0 }, budget: { calls: 1 } });
  });

  it('(7) is marked all the same to those inside, which it may repeat', async () => {
    const [outer, middle, inner] = [make('outer'), make('middle'), make('inner')];
    const late: Promise<number>[] = [];
    const both = pipeline(middle, inner);
    await outer.execute((context) => {
      late.push(
        triesOf((operation) =>
          both.execute(async () => {
            await Promise.resolve();
            operation(context);
          }, context),
        ),
      );
    });

    expect(await Promise.all(late)).toEqual([3]);
    expect(inner.snapshot().gaveUp.nested).toBe(3);
  });

  it('(7) stays nested in the last try outside, and where that does not take the error', async () => {
    const inner = make('inner');

    expect(await triesOf((operation) => pipeline(make('outer', { maxAttempts: 2 }), inner).execute(operation))).toBe(2);
    expect(
      await triesOf((operation) => pipeline(make('outer', { isRetryable: () => false }), inner).execute(operation)),
    ).toBe(1);
  });
});

describe('a retry inside a run that calls share', () => {
  /** The same operation, over a while, so that others can join. */
  const later =
    (operation: (context: Context) => never) =>
    async (context: Context): Promise<never> => {
      await after(clock, 1, undefined);
      return operation(context);
    };

  it('(7) charter H6: does not multiply tries where all who share the run are tried again', async () => {
    const inner = pipeline(coalesce({ clock, keyOf: () => 'key' }), make('inner'));
    const outer = make('outer');
    const run = (operation: (context: Context) => Promise<never>): Promise<unknown> =>
      outer.execute((own) => inner.execute(operation, own));

    expect(await triesOf((operation) => Promise.all([run(later(operation)), run(later(operation))]))).toBe(3);
  });

  it('(7) charter H6: does not multiply tries through a cache', async () => {
    const all = pipeline(make('outer'), cache({ clock, keyOf: () => 'key' }), make('inner'));

    expect(await triesOf((operation) => all.execute(operation))).toBe(3);
  });

  it('tries again for one that joined and is in no try of another retry', async () => {
    const inner = make('inner');
    const shared = pipeline(coalesce({ clock, keyOf: () => 'key' }), inner);
    const tries = await triesOf((operation) => {
      const run = later(operation);
      const marked = make('outer', { isRetryable: () => false }).execute((own) => shared.execute(run, own));
      return Promise.all([marked, shared.execute(run)]);
    });

    expect(tries).toBe(3);
    expect(inner.snapshot()).toMatchObject({ calls: 1, gaveUp: { nested: 0, attempts: 1 }, budget: { calls: 1 } });
  });

  it('tries again for a cache that refreshes a value in the background', async () => {
    const inner = make('inner');
    const values = cache({ clock, keyOf: () => 'key', ttlMs: 100, expiryJitterRatio: 0, staleWhileRevalidateMs: 1000 });
    const all = pipeline(make('outer'), values, inner);
    await all.execute(() => 'stale');
    await clock.advance(200);
    let tries = 0;
    const answer = await all.execute(() => {
      tries++;
      throw new Error('down');
    });
    await clock.runAll();

    expect([answer, tries]).toEqual(['stale', 3]);
    expect(inner.snapshot().gaveUp.nested).toBe(0);
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

  it.each([{ maxAttempts: 1 }, { enforcement: 'observe' }] as const)(
    'is that of the call, as it is, where no other try can follow: %j',
    async (options) => {
      const context = Context.withClock(clock).withCancel();

      expect(await make('prices', options).execute((own) => own === context, context)).toBe(true);
      expect(await make('prices', options).execute((own) => own === Context.background)).toBe(true);
    },
  );
});
