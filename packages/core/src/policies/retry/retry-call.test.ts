import { AsyncLocalStorage } from 'node:async_hooks';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { type HookError, RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { createPolicy } from '../../kernel/policy.ts';
import { type EventRecorder, recordEvents } from '../../testing/event-recorder.ts';
import { after, alwaysFailing, observe, scripted, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { timeout } from '../timeout/timeout.ts';
import { type Retry, type RetryOptions, retry } from './retry.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

const down = new Error('down');

/** The values of one field of all events that have it. */
function fieldOf({ events }: EventRecorder, field: string): unknown[] {
  return events.flatMap((event) => (field in event ? [(event as unknown as Record<string, unknown>)[field]] : []));
}

describe('retry', () => {
  let clock: VirtualClock;
  let hookErrors: HookError[];

  beforeEach(() => {
    clock = virtualClock();
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const make = (options: RetryOptions = {}): Retry => retry({ clock, random: () => 0.5, ...options });

  describe('of values', () => {
    const classify = (outcome: Outcome): 'success' | 'failure' | 'ignored' =>
      outcome.status === 'rejected' || (outcome.value as { ok?: boolean }).ok === false ? 'failure' : 'success';

    it('charter F2: tries again after a value that classify calls a failure', async () => {
      const [bad, good] = [{ ok: false }, { ok: true }];
      const operation = scripted(clock, [0, bad], [0, good]);
      const policy = make({ classify });
      const call = observe(policy.execute(operation.run));
      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: good });
      expect(policy.snapshot()).toMatchObject({ retried: 1, recovered: 1 });
    });

    it('(5) charter F2: gives the last such value back by identity when the tries are used up, and tells', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const values = [{ ok: false }, { ok: false }];
      const last = values[1];
      const call = observe(make({ classify, events, maxAttempts: 2 }).execute(() => values.shift()));
      await clock.runAll();

      const standing = call();
      expect(standing.status === 'fulfilled' && standing.value === last).toBe(true);
      expect(recorder.events).toMatchObject([
        { type: 'retry.scheduled', error: undefined, value: { ok: false } },
        { type: 'retry.gave-up', reason: 'attempts', attempt: 2, error: undefined, value: last },
      ]);
    });

    it('(5) gives it back, too, when no time is left', async () => {
      const bad = { ok: false };
      const context = Context.withClock(clock).withTimeout(10);
      const standing = await settled(make({ classify }).execute(() => bad, context));

      expect(standing.status === 'fulfilled' && standing.value === bad).toBe(true);
    });

    it('counts as run, so that a refusal of a later try is reported as a rejection', async () => {
      const reported: string[] = [];
      const ear = createPolicy({
        kind: 'ear',
        name: 'ear',
        layer: (inner) => (operation, context, sink, now) => {
          const note = (what: 'resolve' | 'reject' | 'refuse') => (outcome: unknown, at: number) => {
            reported.push(what);
            sink[what](outcome, at);
          };
          inner(operation, context, { resolve: note('resolve'), reject: note('reject'), refuse: note('refuse') }, now);
        },
      });
      let tries = 0;
      const gate = createPolicy({
        kind: 'gate',
        name: 'gate',
        layer: (inner) => (operation, context, sink, now) => {
          if (++tries % 2 === 0) sink.refuse(new Refused('no'), now);
          else inner(operation, context, sink, now);
        },
      });
      const policy = pipeline(ear, make({ classify, maxAttempts: 2 }), gate);
      const call = observe(policy.execute(() => ({ ok: false })));
      await clock.runAll();

      expect(call()).toMatchObject({ status: 'rejected', error: { code: 'REFUSED' } });
      expect(reported).toEqual(['reject']);
    });

    it('does not retry errors that classify does not call failures, and asks it once per try', async () => {
      const asked: Outcome[] = [];
      const operation = alwaysFailing(clock, down);
      const policy = make({
        classify: (outcome) => {
          asked.push(outcome);
          return 'ignored';
        },
      });
      await expect(policy.execute(operation.run)).rejects.toBe(down);

      expect(asked).toEqual([{ status: 'rejected', error: down }]);
      expect(policy.snapshot().gaveUp['not-retryable']).toBe(1);
    });

    it('charter C5: goes by the default rule where classify throws', async () => {
      const policy = make({
        classify: () => {
          throw new Error('bad classify');
        },
      });

      await expect(policy.execute(() => 'value')).resolves.toBe('value');
      expect(hookErrors).toMatchObject([{ hook: 'classify', policy: 'retry' }]);
    });
  });

  describe('charter G6: with a total time', () => {
    it('starts no try maxElapsedMs after the call or later, and gives the last error', async () => {
      const operation = alwaysFailing(clock, down);
      const policy = make({ backoff: 'fixed', baseDelayMs: 100, maxAttempts: 100, maxElapsedMs: 300 });
      const call = observe(policy.execute(operation.run));
      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 100, 200]);
      expect(call()).toEqual({ status: 'rejected', error: down });
      expect(clock.now()).toBe(200); // the wait was not begun
      expect(policy.snapshot().gaveUp.elapsed).toBe(1);
    });

    it('counts the time that tries take, and cuts none of them off', async () => {
      const policy = make({ backoff: 'fixed', baseDelayMs: 10, maxElapsedMs: 300 });
      const call = observe(policy.execute(() => after(clock, 295, 'slow')));
      await clock.advance(295);
      expect(call()).toEqual({ status: 'fulfilled', value: 'slow' });

      const slow = scripted(clock, [289, down], [1000, 'late'], [0, 'never']);
      const second = observe(policy.execute(slow.run));
      await clock.runAll();
      expect(second()).toEqual({ status: 'fulfilled', value: 'late' });
    });

    it('reads the clock once per outcome, and not at all without it', async () => {
      let reads = 0;
      const counting = { now: () => (reads++, clock.now()), setTimer: clock.setTimer.bind(clock) };
      await make({ clock: counting }).execute(() => 'value');
      expect(reads).toBe(0);

      await make({ clock: counting, maxElapsedMs: 100 }).execute(() => 'value');
      expect(reads).toBe(1);
    });

    it('starts no try that would have less than minAttemptMs before the deadline', async () => {
      const operation = alwaysFailing(clock, down);
      const policy = make({ backoff: 'fixed', baseDelayMs: 100, minAttemptMs: 50 });
      const context = Context.withClock(clock).withTimeout(250);
      const call = observe(policy.execute(operation.run, context));
      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 100]); // at 200 there would be 50 ms left, and more is needed
      expect(call()).toEqual({ status: 'rejected', error: down });
      expect(policy.snapshot().gaveUp.deadline).toBe(1);
    });
  });

  describe('tells and counts', () => {
    it('why it gave up', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const policy = make({ events, maxAttempts: 2, isRetryable: (error) => error !== 'fatal' });
      const root = Context.withClock(clock);
      const waiting = root.withCancel();
      for (const [error, context] of [
        [down],
        ['fatal'],
        [down, root.withDeadline(51)],
        [Object.assign(new Error('busy'), { retryAfterMs: Infinity })],
        [down, waiting],
      ] as const) {
        const call = observe(policy.execute(() => Promise.reject(error), context));
        await settle();
        if (context === waiting) waiting.cancel('gone');
        await clock.runAll();
        expect(call()).toEqual({ status: 'rejected', error: context === waiting ? 'gone' : error });
      }

      const reasons = ['attempts', 'not-retryable', 'deadline', 'retry-after', 'ended'];
      expect(fieldOf(recorder, 'reason')).toEqual(reasons);
      expect(recorder.events.at(-1)).toEqual({
        type: 'retry.gave-up',
        policy: 'retry',
        name: 'retry',
        enforcement: 'enforce',
        reason: 'ended',
        attempt: 1,
        error: 'gone',
        value: undefined,
      });
      const zero = { nested: 0, budget: 0, elapsed: 0 };
      const gaveUp = { attempts: 1, 'not-retryable': 1, deadline: 1, 'retry-after': 1, ended: 1, ...zero };
      expect(policy.snapshot()).toMatchObject({
        calls: 5,
        retried: 1,
        recovered: 0,
        waiting: 0,
        wouldRetry: 0,
        gaveUp,
      });
    });

    it('calls that succeeded in a later try, and only those', async () => {
      const policy = make();
      await policy.execute(() => 'at once');
      expect(policy.snapshot().recovered).toBe(0);

      void observe(policy.execute(scripted(clock, [0, down], [0, 'later']).run));
      await clock.runAll();
      expect(policy.snapshot().recovered).toBe(1);
    });

    it('how many calls wait now', async () => {
      const policy = make();
      const context = Context.withClock(clock).withCancel();
      for (let calls = 0; calls < 3; calls++) void observe(policy.execute(alwaysFailing(clock, down).run, context));
      await settle();
      expect(policy.snapshot().waiting).toBe(3);

      context.cancel();
      expect(policy.snapshot().waiting).toBe(0);
    });
  });

  describe('charter R3: async context', () => {
    const storage = new AsyncLocalStorage<string>();

    /** Two calls whose tries end by one shared timer, so that the second is retried in the turn of the first. */
    const tenantsSeen = async (options: RetryOptions): Promise<string[][]> => {
      const policy = pipeline(
        make({ maxAttempts: 2, backoff: 'fixed', baseDelayMs: 5, ...options }),
        timeout({ timeoutMs: 10, clock }),
      );
      const seen: Record<string, string[]> = { a: [], b: [] };
      for (const tenant of ['a', 'b']) {
        storage.run(tenant, () => {
          void observe(
            policy.execute(() => {
              seen[tenant]?.push(storage.getStore() ?? 'none');
              return new Promise(() => {});
            }),
          );
        });
      }
      await clock.runAll();
      return Object.values(seen);
    };

    it('runs every try in the async context of its own call', async () => {
      const captureAsyncContext = (): (<R>(fn: () => R) => R) => AsyncLocalStorage.snapshot();

      expect(await tenantsSeen({ captureAsyncContext })).toEqual([
        ['a', 'a'],
        ['b', 'b'],
      ]);
    });

    it('needs the port for that: without it, later tries run where the shared timer did', async () => {
      const [, b] = await tenantsSeen({});
      expect(b?.[1]).not.toBe('b');
    });
  });
});
