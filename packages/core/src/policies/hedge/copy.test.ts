import { AsyncLocalStorage } from 'node:async_hooks';

import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import type { Classify } from '../../kernel/outcome.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { sourced } from '../../kernel/provenance.ts';
import { after, observe, scripted } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from '../bulkhead/bulkhead.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { fallback } from '../fallback/fallback.ts';
import { retry } from '../retry/retry.ts';
import { timeout } from '../timeout/timeout.ts';
import { type HedgeOptions, hedge } from './hedge.ts';

/** What may be between a hedge and the operation. */
const insides = {
  'nothing inside': () => [],
  'policies inside': () => [retry(), circuitBreaker(), bulkhead(), timeout(60_000)],
};

describe.each(Object.entries(insides))('(7) charter C2: copies that lose, with %s,', (_title, inside) => {
  const setUp = (context: (clock: ReturnType<typeof virtualClock>) => Context | undefined = () => undefined) => {
    const clock = virtualClock();
    const policy = hedge({ delayMs: 100, clock });
    return { clock, policy, pipe: pipeline(policy, ...inside()), parent: context(clock) };
  };
  const parents = [
    () => undefined,
    (clock: ReturnType<typeof virtualClock>) => Context.withClock(clock).withTimeout(9000),
  ];

  it.each(parents)('are counted while they go on, and once when they settle', async (parent) => {
    const { clock, policy, pipe, parent: caller } = setUp(parent);
    const operation = scripted(clock, [500, new Error('late')], [50, 'second']);
    const call = observe(pipe.execute(operation.run, caller));

    await clock.advance(150);
    expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
    expect(policy.snapshot()).toMatchObject({ runningLosers: 1, lateLosers: 0 });
    await clock.advance(349);
    expect(policy.snapshot()).toMatchObject({ runningLosers: 1, lateLosers: 0 });
    await clock.advance(1);
    expect(policy.snapshot()).toMatchObject({ runningLosers: 0, lateLosers: 1 });
  });

  it.each(parents)('are not late where they end with the error that cancelled them', async (parent) => {
    const { clock, policy, pipe, parent: caller } = setUp(parent);
    let copies = 0;
    const call = observe(
      pipe.execute((context) => {
        if (++copies === 2) return after(clock, 50, 'second');
        return new Promise((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
        });
      }, caller),
    );

    await clock.advance(150);
    await settle();

    expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
    expect(policy.snapshot()).toMatchObject({ runningLosers: 0, lateLosers: 0 });
  });

  it('are not those of a call that its caller ended', async () => {
    const { clock, policy, pipe } = setUp();
    const caller = Context.withClock(clock).withCancel();
    observe(pipe.execute(scripted(clock, [500, ''], [500, '']).run, caller));
    await clock.advance(200);

    caller.cancel('enough');
    await settle();
    await clock.runAll();

    expect(policy.snapshot()).toMatchObject({ hedged: 1, runningLosers: 0, lateLosers: 0 });
  });
});

describe('copies that lose', () => {
  it('(7) are counted once where a layer inside makes a value of their end', async () => {
    const clock = virtualClock();
    const policy = hedge({ delayMs: 100, clock });
    const inside = fallback({ value: 'substitute', handles: () => true });
    observe(pipeline(policy, inside).execute(scripted(clock, [500, 'first'], [50, 'second']).run));

    await clock.advance(150);
    expect(policy.snapshot()).toMatchObject({ runningLosers: 1, lateLosers: 0 });
    await clock.runAll();
    expect(policy.snapshot()).toMatchObject({ runningLosers: 0, lateLosers: 1 });
  });

  it('charter G2: leave the signals of other calls alone', async () => {
    const clock = virtualClock();
    const policy = hedge({ delayMs: 100, clock });
    const other = scripted(clock, [900, 'other'], [900, 'other']);
    observe(policy.execute(other.run));
    const signals = other.contexts.map(({ signal }) => signal);
    observe(policy.execute(scripted(clock, [500, 'first'], [50, 'second']).run));

    await clock.advance(150);
    const next = observe(policy.execute(({ signal }) => signal.aborted));
    await settle();

    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    expect(next()).toEqual({ status: 'fulfilled', value: false });
  });

  it('say nothing of where the value of the winner came from', async () => {
    const clock = virtualClock();
    const classify: Classify = (outcome) =>
      outcome.status === 'fulfilled' && outcome.value !== 'substitute' ? 'success' : 'failure';
    const answering = fallback({ value: 'substitute', handles: () => true });
    const pipe = pipeline(hedge({ delayMs: 100, clock, classify }), answering);
    const told = [
      sourced(pipe, scripted(clock, [150, new Error('first')], [100, 'second']).run), // the first failed before
      sourced(pipe, scripted(clock, [500, 'first'], [50, 'second']).run), // the first is cancelled by the winner
      sourced(pipe, scripted(clock, [10, new Error('alone')]).run),
    ];
    await clock.runAll();

    expect(await Promise.all(told)).toMatchObject([
      { value: 'second', source: 'primary' },
      { value: 'second', source: 'primary' },
      { value: 'substitute', source: 'fallback' },
    ]);
  });
});

describe('copies that start later', () => {
  it('charter R3: run in the async context of their call, whoever starts them', async () => {
    const storage = new AsyncLocalStorage<string>();
    const captured = { captureAsyncContext: () => AsyncLocalStorage.snapshot() };
    const copiesUnder = async (options: Partial<HedgeOptions>): Promise<unknown[]> => {
      const clock = virtualClock();
      const policy = hedge({ delayMs: 100, clock, maxAttempts: 3, hedgeOnFailure: true, ...options });
      const seen: unknown[] = [];
      const failures: ((error: Error) => void)[] = [];
      for (const request of ['one', 'two']) {
        const operation = (): Promise<never> => {
          seen.push(storage.getStore());
          return new Promise((_resolve, reject) => void failures.push(reject));
        };
        storage.run(request, () => observe(policy.execute(operation)));
      }
      storage.run('another', () => failures[0]?.(new Error('down')));
      await settle();
      await storage.run('the timer', () => clock.advance(100));
      return seen;
    };

    expect(await copiesUnder(captured)).toEqual(['one', 'two', 'one', 'two', 'one']);
    expect(await copiesUnder({})).toContain('the timer'); // our clock of the tests does not keep contexts, the platform's does
  });
});
