import { beforeEach, describe, expect, it } from 'vitest';

import { RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { alwaysFailing, observe, settled } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type Retry, type RetryOptions, retry } from './retry.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

const down = new Error('down');

describe('retry', () => {
  let clock: VirtualClock;

  beforeEach(() => {
    clock = virtualClock();
  });

  const make = (options: RetryOptions = {}): Retry => retry({ clock, random: () => 0.5, ...options });

  describe('charter O2: enforcement', () => {
    it('(8) observe runs each call once, and counts and tells what it would have done', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make({ enforcement: 'observe', events });
      const operation = alwaysFailing(clock, down);

      await expect(policy.execute(operation.run)).rejects.toBe(down);
      await expect(policy.execute(() => Promise.reject(new Refused('no')))).rejects.toThrow('no');
      await expect(policy.execute(() => 'value')).resolves.toBe('value');

      expect(operation.startedAt).toHaveLength(1);
      expect(clock.pendingCount).toBe(0);
      expect(recorder.events).toMatchObject([
        { type: 'retry.scheduled', enforcement: 'observe', attempt: 1, delayMs: 50, error: down },
        { type: 'retry.gave-up', enforcement: 'observe', reason: 'not-retryable' },
      ]);
      expect(policy.snapshot()).toMatchObject({ calls: 3, retried: 0, wouldRetry: 1, gaveUp: { 'not-retryable': 1 } });
    });

    it('(8) observe gives a value back that classify calls a failure', async () => {
      await expect(make({ enforcement: 'observe', classify: () => 'failure' }).execute(() => 503)).resolves.toBe(503);
    });

    it('(8) off runs each call once, and counts nothing', async () => {
      const policy = make({ enforcement: 'off' });
      const operation = alwaysFailing(clock, down);

      await expect(policy.execute(operation.run)).rejects.toBe(down);
      expect(operation.startedAt).toHaveLength(1);
      expect(policy.snapshot()).toMatchObject({
        calls: 0,
        wouldRetry: 0,
        gaveUp: { attempts: 0 },
        budget: { calls: 0 },
      });
    });
  });

  describe('charter O1: update', () => {
    it('holds for calls that start later; one under way goes on as it began', async () => {
      const policy = make({ maxAttempts: 3, maxRetryRatio: Infinity });
      const [before, later] = [alwaysFailing(clock, down), alwaysFailing(clock, down)];
      void observe(policy.execute(before.run));
      await settle();
      policy.update({ maxAttempts: 2 });
      void observe(policy.execute(later.run));
      await clock.runAll();

      expect(before.startedAt).toHaveLength(3);
      expect(later.startedAt).toHaveLength(2);
    });

    it('reaches pipelines that the policy is in', async () => {
      const policy = make();
      const around = pipeline(policy);
      policy.update({ enforcement: 'off' });
      const operation = alwaysFailing(clock, down);

      await settled(around.execute(operation.run));
      expect(operation.startedAt).toHaveLength(1);
    });

    it('keeps the counters and what the budget has saved', async () => {
      const policy = make({ maxAttempts: 5 });
      void observe(policy.execute(alwaysFailing(clock, down).run));
      await clock.runAll();
      policy.update({ maxRetryRatio: 0.5 });

      expect(policy.snapshot()).toMatchObject({ calls: 1, retried: 4, budget: { saved: 6, spent: 4 } });
      expect(policy.describe().options).toMatchObject({ maxRetryRatio: 0.5, maxAttempts: 5 });
    });

    it('changes what calls earn from then on', async () => {
      const policy = make({ maxAttempts: 100 });
      void observe(policy.execute(alwaysFailing(clock, down).run));
      await clock.runAll();
      expect(policy.snapshot().budget).toMatchObject({ saved: 0, spent: 10 });

      policy.update({ maxRetryRatio: 3 });
      void observe(policy.execute(alwaysFailing(clock, down).run));
      await clock.runAll();
      expect(policy.snapshot().budget).toMatchObject({ saved: 0, spent: 13 });

      policy.update({ maxRetryRatio: Infinity });
      void observe(policy.execute(alwaysFailing(clock, down).run));
      await clock.runAll();
      expect(policy.snapshot().budget.spent).toBe(13 + 99);
    });

    it('is refused as a whole, where one of the changes is', () => {
      const policy = make();
      const before = policy.describe();
      const verdict = (changes: object): string => verdictOn((given) => policy.update(given), changes);

      expect(verdict({ baseDelayMs: 1, maxAttempts: 0 })).toContain(
        'retry.maxAttempts must be an integer from 1 to 100, got 0',
      );
      expect(verdict({ baseDelayMs: 20_000 })).toContain(
        'retry.maxDelayMs must be a number from 20000 to 600000, got 10000',
      );
      expect(verdict({ name: 'other' })).toContain('TypeError: retry.update has no option "name"');
      expect(verdict({ clock })).toContain('TypeError: retry.update has no option "clock"');
      expect(policy.describe()).toEqual(before);
    });

    it('is planned without effect, and carried out on top of what is in force by then', () => {
      const policy = make();
      const carryOut = policy.planUpdate({ maxAttempts: 9, baseDelayMs: undefined as unknown as number });
      expect(policy.describe().options).toMatchObject({ maxAttempts: 3 });

      policy.update({ maxAttempts: 5, maxDelayMs: 500 });
      carryOut();
      expect(policy.describe().options).toMatchObject({ maxAttempts: 9, baseDelayMs: 100, maxDelayMs: 500 });
    });

    it('changes nothing by a plan that has become impossible beside another one, and reports it', () => {
      const reported: unknown[] = [];
      const before = onHookError(({ hook, policy, cause }) => reported.push([hook, policy, String(cause)]));
      const policy = make({ name: 'prices' });
      const plans = [policy.planUpdate({ baseDelayMs: 5000 }), policy.planUpdate({ maxDelayMs: 1000, maxAttempts: 9 })];
      for (const carryOut of plans) carryOut();
      onHookError(before);

      expect(policy.describe().options).toMatchObject({ maxAttempts: 3, baseDelayMs: 5000, maxDelayMs: 10_000 });
      expect(reported).toEqual([
        ['planUpdate', 'prices', 'ConfigError: retry.maxDelayMs must be a number from 5000 to 600000, got 1000'],
      ]);
    });
  });

  it('describes itself, with the worst case', () => {
    const policy = make({ name: 'prices', maxAttempts: 4, maxDelayMs: 1000, backoff: () => 0 });

    expect(policy.describe()).toEqual({
      kind: 'retry',
      name: 'prices',
      enforcement: 'enforce',
      options: {
        maxAttempts: 4,
        baseDelayMs: 100,
        maxDelayMs: 1000,
        backoff: '[function]',
        maxElapsedMs: Infinity,
        minAttemptMs: 0,
        maxRetryRatio: 0.2,
        isRetryable: '[function]',
        classify: '[function]',
        retryAfterMs: '[function]',
        whenNested: 'try-once',
      },
      traits: {
        maxRuns: 4,
        maxWaitMs: 3000,
        retriesFailures: true,
        marksTries: true,
        runsOnceInsideRetry: true,
        isShared: true,
      },
    });
    policy.update({ maxElapsedMs: 500 });
    expect(policy.describe().traits.maxWaitMs).toBe(500);
    policy.update({ enforcement: 'observe' });
    expect(policy.describe().traits).toEqual({ isShared: true });
  });
});
