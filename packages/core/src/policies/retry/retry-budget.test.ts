import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { observe } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { keyed } from '../keyed/keyed.ts';
import { createRetryBudget } from './retry-budget.ts';
import { type Retry, type RetryOptions, retry } from './retry.ts';

/** A backend that is down, and counts what reaches it. */
function deadBackend(): { run: () => Promise<never>; requests: () => number } {
  let requests = 0;
  const run = async (): Promise<never> => {
    requests++;
    throw new Error('down');
  };
  return { run, requests: () => requests };
}

/** Makes `count` calls, one after the other. */
async function call(policy: Retry, run: () => unknown, { clock, count }: { clock: VirtualClock; count: number }) {
  for (let made = 0; made < count; made++) {
    void observe(policy.execute(run));
    await clock.runAll();
  }
}

describe('retry budget', () => {
  const make = (clock: VirtualClock, options: RetryOptions = {}): Retry =>
    retry({ clock, random: () => 0.5, ...options });

  it('(6) charter H6: a backend that always fails sees 1.2 times the calls in the long run, and ten more at the start', async () => {
    const clock = virtualClock();
    const backend = deadBackend();
    const policy = make(clock, { maxAttempts: 5 });

    await call(policy, backend.run, { clock, count: 100 });
    const afterWarmUp = backend.requests();
    expect(afterWarmUp).toBe(100 + 10 + 19); // there was no room for what the first call earned

    await call(policy, backend.run, { clock, count: 1000 });
    expect(backend.requests() - afterWarmUp).toBe(1200);
  });

  it('(6) charter H6: so it does when all calls come at once', async () => {
    const clock = virtualClock();
    const backend = deadBackend();
    const policy = make(clock, { maxAttempts: 10 });

    for (let made = 0; made < 1000; made++) void observe(policy.execute(backend.run));
    await clock.runAll();

    expect(backend.requests()).toBeLessThanOrEqual(1000 * 1.2 + 10);
    expect(policy.snapshot().gaveUp.budget).toBeGreaterThan(700);
  });

  it('charter H6: gives the error of the try, by identity, at once, where nothing is left', async () => {
    const clock = virtualClock();
    const events = createEvents();
    const recorder = recordEvents(events);
    const error = new Error('down');
    const policy = make(clock, { maxRetryRatio: 0, events });

    await expect(policy.execute(() => Promise.reject(error))).rejects.toBe(error);

    expect(clock.pendingCount).toBe(0);
    expect(recorder.events).toMatchObject([{ type: 'retry.gave-up', reason: 'budget', attempt: 1, error }]);
  });

  it('earns by calls that succeed as well, and saves ten at most', async () => {
    const clock = virtualClock();
    const policy = make(clock, { maxAttempts: 2 });
    await call(policy, deadBackend().run, { clock, count: 12 });
    expect(policy.snapshot().budget).toMatchObject({ saved: 0 });

    await call(policy, () => 'fine', { clock, count: 5 });
    expect(policy.snapshot().budget.saved).toBe(1);

    await call(policy, () => 'fine', { clock, count: 500 });
    expect(policy.snapshot().budget).toEqual({ calls: 517, spent: 12, denied: 0, saved: 10 });
  });

  it('is not asked for a try that does not fit before the deadline', async () => {
    const clock = virtualClock();
    const policy = make(clock, { maxElapsedMs: 0 });
    await call(policy, deadBackend().run, { clock, count: 3 });

    expect(policy.snapshot()).toMatchObject({ gaveUp: { elapsed: 3 }, budget: { spent: 0, saved: 10 } });
  });

  it('sets no bound where the ratio is Infinity', async () => {
    const clock = virtualClock();
    const backend = deadBackend();
    await call(make(clock, { maxAttempts: 3, maxRetryRatio: Infinity }), backend.run, { clock, count: 100 });

    expect(backend.requests()).toBe(300);
  });

  it('is of its own for each policy, so that each key of a keyed one has its own', async () => {
    const clock = virtualClock();
    const hosts: string[] = ['a'];
    const perHost = keyed({
      keyOf: () => hosts[0] ?? '',
      make: (_key, name) => retry({ name, clock, maxAttempts: 2, random: () => 0.5 }),
    });
    const requests = { a: 0, b: 0 };
    for (const host of ['a', 'b'] as const) {
      hosts[0] = host;
      for (let made = 0; made < 100; made++) {
        void observe(
          perHost.execute(() => {
            requests[host]++;
            throw new Error('down');
          }),
        );
        await clock.runAll();
      }
    }

    expect(requests).toEqual({ a: 129, b: 129 });
  });

  it('(6) holds for all policies together that share one', async () => {
    const clock = virtualClock();
    const backend = deadBackend();
    const budget = createRetryBudget({ maxRetryRatio: 0.5, maxSavedRetries: 1 });
    const [reads, writes] = [make(clock, { budget, maxAttempts: 9 }), make(clock, { budget, maxAttempts: 9 })];
    for (let round = 0; round < 50; round++) {
      await call(reads, backend.run, { clock, count: 1 });
      await call(writes, backend.run, { clock, count: 1 });
    }

    expect(backend.requests()).toBe(100 + 1 + 49); // what the first call earns, there was no room for
    expect(budget.snapshot()).toMatchObject({ calls: 100, spent: 50 });
    expect(reads.snapshot().budget).toEqual(budget.snapshot());
  });

  it('counts a call once, though a retry inside takes part in it', async () => {
    const clock = virtualClock();
    const budget = createRetryBudget();
    const both = pipeline(make(clock, { budget }), make(clock, { budget }));

    await both.execute(() => 'fine');

    expect(budget.snapshot().calls).toBe(1);
  });

  it.each([
    ['while it waits', false],
    ['as the wait begins', true],
  ])(
    '(6) is given back what was paid for a try that did not start, the context having ended %s',
    async (_when, early) => {
      const clock = virtualClock();
      const events = createEvents();
      const policy = make(clock, { events, maxRetryRatio: 0.2 });
      let context = Context.withClock(clock).withCancel();
      if (early) events.listen((event) => void (event.type === 'retry.scheduled' && context.cancel('over')));
      for (let calls = 0; calls < 20; calls++) {
        context = Context.withClock(clock).withCancel();
        const outcome = observe(policy.execute(deadBackend().run, context));
        await settle();
        context.cancel('over');
        await settle();
        expect(outcome()).toEqual({ status: 'rejected', error: 'over' });
      }

      expect(policy.snapshot()).toMatchObject({
        retried: 0,
        gaveUp: { ended: 20, budget: 0 },
        budget: { calls: 20, spent: 0, denied: 0, saved: 10 },
      });
    },
  );

  it('earns nothing from a policy that never retries', async () => {
    const budget = createRetryBudget();
    await retry({ maxAttempts: 1, budget, clock: virtualClock() }).execute(() => 'fine');

    expect(budget.snapshot().calls).toBe(0);
  });

  it('charter S5: is refused beside a ratio, at creation and later', () => {
    const budget = createRetryBudget();
    const message = 'ConfigError: retry.maxRetryRatio must be left out where budget is given, got 0.5 (INVALID_CONFIG)';
    expect(verdictOn(retry, { budget, maxRetryRatio: 0.5 })).toBe(message);
    expect(verdictOn((changes) => retry({ budget }).update(changes), { maxRetryRatio: 0.5 })).toBe(message);
    expect(verdictOn(retry, { budget })).toBe('accepted');
  });

  it('is refused where it is not one', () => {
    expect(verdictOn(retry, { budget: 0.2 })).toContain(
      'retry.budget must be a budget made by createRetryBudget, got 0.2',
    );
  });

  it.each([
    ['maxRetryRatio', -1, 'a number from 0 to Infinity'],
    ['maxRetryRatio', Number.NaN, 'a number from 0 to Infinity'],
    ['maxSavedRetries', 0, 'an integer from 1 to 10000'],
    ['maxSavedRetries', 10_001, 'an integer from 1 to 10000'],
  ])('createRetryBudget refuses %s %d', (option, value, expectation) => {
    expect(verdictOn(createRetryBudget, { [option]: value })).toContain(
      `createRetryBudget.${option} must be ${expectation}, got ${value}`,
    );
  });

  it('createRetryBudget refuses an option that it does not know', () => {
    expect(verdictOn(createRetryBudget, { ratio: 1 })).toContain('createRetryBudget has no option "ratio"');
  });
});
