import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { type HookError, RejectionError, isRejection } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import type { Outcome } from '../../kernel/outcome.ts';
import { type EventRecorder, recordEvents } from '../../testing/event-recorder.ts';
import { alwaysFailing, observe } from '../../testing/operation-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import { type FailedTry, type Retry, type RetryOptions, retry, retryDefaults } from './retry.ts';

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

  describe('with a backoff', () => {
    const delaysWith = async (options: RetryOptions): Promise<unknown[]> => {
      const events = createEvents();
      const recorder = recordEvents(events);
      void observe(
        make({ events, maxAttempts: 5, baseDelayMs: 100, maxDelayMs: 500, ...options }).execute(
          alwaysFailing(clock, down).run,
        ),
      );
      await clock.runAll();
      return fieldOf(recorder, 'delayMs');
    };

    it.each([
      ['full-jitter', [50, 100, 200, 250]],
      ['decorrelated-jitter', [200, 300, 300, 300]],
      ['exponential', [100, 200, 400, 500]],
      ['fixed', [100, 100, 100, 100]],
    ] as const)('%s waits as it says', async (backoff, delays) => {
      expect(await delaysWith({ backoff })).toEqual(delays);
    });

    it('of its own, asks the function with the try, its outcome and the delay before, and cuts at maxDelayMs', async () => {
      const asked: FailedTry[] = [];
      const backoff = (failed: FailedTry): number => {
        asked.push(failed);
        return failed.attempt * 200;
      };

      expect(await delaysWith({ backoff, maxAttempts: 4 })).toEqual([200, 400, 500]);
      const outcome = { status: 'rejected', error: down };
      expect(asked).toEqual([
        { attempt: 1, outcome, previousDelayMs: 0 },
        { attempt: 2, outcome, previousDelayMs: 200 },
        { attempt: 3, outcome, previousDelayMs: 400 },
      ]);
    });

    it.each([
      [
        'throws',
        () => {
          throw new Error('bad backoff');
        },
      ],
      ['gives no number', () => 'soon'],
      ['gives NaN', () => Number.NaN],
      ['gives a negative number', () => -1],
      [
        'is async',
        async () => {
          throw new Error('late');
        },
      ],
    ])('charter C5: waits as exponential does where the function %s, and reports it', async (_how, backoff) => {
      expect(await delaysWith({ backoff: backoff as unknown as () => number })).toEqual([100, 200, 400, 500]);
      expect(hookErrors.map(({ hook }) => hook)).toEqual(['backoff', 'backoff', 'backoff', 'backoff']);
    });

    it('charter H4: waits as long as maxDelayMs where the function gives Infinity', async () => {
      expect(await delaysWith({ backoff: () => Infinity })).toEqual([500, 500, 500, 500]);
    });
  });

  describe('charter H5: when the dependency says when to come back', () => {
    const busy = (retryAfterMs: unknown): Error => Object.assign(new Error('busy'), { retryAfterMs });

    it('waits that long, and the backoff on top, so that callers do not come back together', async () => {
      const operation = alwaysFailing(clock, busy(2000));
      void observe(make({ maxAttempts: 2, baseDelayMs: 100 }).execute(operation.run));
      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 2050]);
    });

    it('never waits longer than maxDelayMs, and not less than it was asked to', async () => {
      const operation = alwaysFailing(clock, busy(980));
      void observe(make({ maxAttempts: 2, baseDelayMs: 100, maxDelayMs: 1000 }).execute(operation.run));
      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 1000]);
    });

    it('gives the error back at once, by identity, where that is longer than maxDelayMs', async () => {
      const error = busy(10_001);
      const policy = make();

      await expect(policy.execute(() => Promise.reject(error))).rejects.toBe(error);
      expect(clock.pendingCount).toBe(0);
      expect(policy.snapshot().gaveUp['retry-after']).toBe(1);
    });

    it('gives the error back at once, by identity, where that would reach the deadline', async () => {
      const error = busy(500);
      const policy = make({ baseDelayMs: 0 });
      const context = Context.withClock(clock).withTimeout(500);

      await expect(policy.execute(() => Promise.reject(error), context)).rejects.toBe(error);
      expect(policy.snapshot().gaveUp.deadline).toBe(1);
    });

    it('waits where 1 ms would be left', async () => {
      const operation = alwaysFailing(clock, busy(500));
      void observe(
        make({ baseDelayMs: 0, maxAttempts: 2 }).execute(operation.run, Context.withClock(clock).withTimeout(501)),
      );
      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 500]);
    });

    it.each([[-5], [Number.NaN], ['3'], [null], [undefined]])(
      'makes nothing of an error with retryAfterMs %s',
      async (asked) => {
        const operation = alwaysFailing(clock, busy(asked));
        void observe(make({ maxAttempts: 2, baseDelayMs: 100 }).execute(operation.run));
        await clock.runAll();

        expect(operation.startedAt).toEqual([0, 50]);
        expect(hookErrors).toEqual([]);
      },
    );

    it.each([[undefined], [null], [42], ['busy']])('makes nothing of an error that is %s', async (error) => {
      const operation = alwaysFailing(clock, error);
      void observe(make({ maxAttempts: 2, baseDelayMs: 100 }).execute(operation.run));
      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 50]);
    });

    it('asks the hook where there is one, about values too', async () => {
      const asked: Outcome[] = [];
      const startedAt: number[] = [];
      const policy = make({
        maxAttempts: 2,
        baseDelayMs: 0,
        classify: () => 'failure',
        retryAfterMs: (outcome) => {
          asked.push(outcome);
          return 700;
        },
      });
      const call = observe(
        policy.execute(() => {
          startedAt.push(clock.now());
          return 503;
        }),
      );
      await clock.runAll();

      expect(startedAt).toEqual([0, 700]);
      expect(asked).toEqual([{ status: 'fulfilled', value: 503 }]);
      expect(call()).toEqual({ status: 'fulfilled', value: 503 });
    });

    it.each([
      [
        'throws',
        () => {
          throw new Error('bad hook');
        },
      ],
      ['gives a negative number', () => -1],
      ['is async', async () => 5],
    ])('charter C5: waits the backoff alone where the hook %s, and reports it', async (_how, hook) => {
      const operation = alwaysFailing(clock, busy(2000));
      const retryAfterMs = hook as unknown as () => number;
      void observe(make({ maxAttempts: 2, baseDelayMs: 100, retryAfterMs }).execute(operation.run));
      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 50]);
      expect(hookErrors.map((error) => error.hook)).toEqual(['retryAfterMs']);
    });

    it('charter F4: waits as long as a rejection of ours says, where it is asked to retry those', async () => {
      const operation = alwaysFailing(clock, new Refused('no', { retryAfterMs: 300 }));
      const isRetryable = (error: unknown): boolean => isRejection(error) || retryDefaults.isRetryable(error);
      void observe(make({ maxAttempts: 2, baseDelayMs: 0, isRetryable }).execute(operation.run));
      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 300]);
    });

    it('charter F4: gives that rejection back at once where it does not fit before the deadline', async () => {
      const error = new Refused('no', { retryAfterMs: 300 });
      const context = Context.withClock(clock).withTimeout(300);

      await expect(
        make({ baseDelayMs: 0, isRetryable: () => true }).execute(() => Promise.reject(error), context),
      ).rejects.toBe(error);
      expect(clock.now()).toBe(0);
    });
  });
});
