import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CancelledError } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { type HookError, RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type RetryOptions, retry, retryDefaults } from './retry.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

/** An operation that fails `failures` times with a new error each, and then gives its number of runs. */
function flaky(failures: number): { run: () => Promise<number>; errors: Error[]; runs: () => number } {
  const errors: Error[] = [];
  let runs = 0;
  const run = async (): Promise<number> => {
    runs++;
    if (runs > failures) return runs;
    errors.push(new Error(`failure ${runs}`));
    throw errors.at(-1);
  };
  return { run, errors, runs: () => runs };
}

/** The delays of all tries that were scheduled. */
function delaysOf({ events }: { readonly events: readonly object[] }): number[] {
  return events.flatMap((event) => ('delayMs' in event ? [event.delayMs as number] : []));
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

  const half = (): number => 0.5;
  const make = (options: RetryOptions = {}): ReturnType<typeof retry> => retry({ clock, random: half, ...options });

  it('runs once, and sets no timer, when the first try succeeds', async () => {
    await expect(make().execute(() => 'value')).resolves.toBe('value');
    expect(clock.pendingCount).toBe(0);
  });

  it('tries again 1 ms after 1 ms before the delay is over', async () => {
    const operation = flaky(1);
    const call = observe(make({ baseDelayMs: 100 }).execute(operation.run));

    await clock.advance(49);
    expect(operation.runs()).toBe(1);

    await clock.advance(1);
    expect(operation.runs()).toBe(2);
    expect(call()).toEqual({ status: 'fulfilled', value: 2 });
  });

  it('doubles the bound of the delay up to maxDelayMs', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const policy = make({ events, maxAttempts: 6, baseDelayMs: 100, maxDelayMs: 500 });
    const call = observe(policy.execute(flaky(9).run));

    await clock.runAll();

    expect(delaysOf(recorder)).toEqual([50, 100, 200, 250, 250]);
    expect(call().status).toBe('rejected');
  });

  it('spreads its delays over the whole range below the bound', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const bounds = { maxAttempts: 100, baseDelayMs: 100, maxDelayMs: 100, maxRetryRatio: Infinity };
    const policy = make({ events, random: seededRandom(1), ...bounds });
    void observe(policy.execute(flaky(1000).run));

    await clock.runAll();

    const delays = delaysOf(recorder);
    expect(Math.min(...delays)).toBeLessThan(10);
    expect(Math.max(...delays)).toBeGreaterThan(90);
    expect(delays.every((delayMs) => delayMs >= 0 && delayMs < 100)).toBe(true);
  });

  it('gives the last error when all tries failed, and counts the tries beyond the first', async () => {
    const operation = flaky(9);
    const policy = make({ maxAttempts: 4 });
    const call = observe(policy.execute(operation.run));

    await clock.runAll();

    expect(call()).toEqual({ status: 'rejected', error: operation.errors[3] });
    expect(operation.runs()).toBe(4);
    expect(policy.retriedCount).toBe(3);
  });

  it('never retries when maxAttempts is 1', async () => {
    const operation = flaky(1);

    await expect(make({ maxAttempts: 1 }).execute(operation.run)).rejects.toBe(operation.errors[0]);
    expect(operation.runs()).toBe(1);
  });

  it('asks isRetryable once per failed try, but not after the last', async () => {
    const asked: unknown[] = [];
    const operation = flaky(9);
    const policy = make({ maxAttempts: 3, isRetryable: (error) => asked.push(error) > 0 });
    void observe(policy.execute(operation.run));

    await clock.runAll();

    expect(asked).toEqual(operation.errors.slice(0, 2));
  });

  it('gives an error back at once that isRetryable refuses', async () => {
    const operation = flaky(9);

    await expect(make({ isRetryable: () => false }).execute(operation.run)).rejects.toBe(operation.errors[0]);
    expect(clock.pendingCount).toBe(0);
  });

  it('charter F4: does not retry rejections of ours, nor cancellations', async () => {
    for (const error of [new Refused('no'), new CancelledError()]) {
      let runs = 0;
      const operation = (): never => {
        runs++;
        throw error;
      };

      await expect(make().execute(operation)).rejects.toBe(error);
      expect(runs).toBe(1);
    }
  });

  it('charter F4: retries a rejection where isRetryable says so', async () => {
    let runs = 0;
    const call = observe(
      make({ maxAttempts: 2, isRetryable: () => true }).execute(() => {
        runs++;
        throw new Refused('no');
      }),
    );

    await clock.runAll();

    expect(runs).toBe(2);
    expect(call()).toMatchObject({ error: { code: 'REFUSED' } });
  });

  describe('options', () => {
    const rules = {
      name: { kind: 'name' },
      maxAttempts: { kind: 'integer', min: 1, max: 100 },
      baseDelayMs: { kind: 'number', min: 0, max: 60_000 },
      maxElapsedMs: { kind: 'number', min: 0, max: Infinity },
      minAttemptMs: { kind: 'number', min: 0, max: 600_000 },
      maxRetryRatio: { kind: 'number', min: 0, max: Infinity },
      isRetryable: { kind: 'function' },
      classify: { kind: 'function' },
      retryAfterMs: { kind: 'function' },
    } as const;
    const table = [
      ...optionTable('retry', rules, { maxDelayMs: 60_000 }),
      ...optionTable('retry', { maxDelayMs: { kind: 'number', min: 0, max: 600_000 } }, { baseDelayMs: 0 }),
    ];

    it.each(table)('$title', ({ options, expected }) => {
      expect(verdictOn(retry, options)).toBe(expected);
    });

    it('are refused where maxDelayMs is below baseDelayMs', () => {
      expect(verdictOn(retry, { baseDelayMs: 101, maxDelayMs: 100 })).toContain(
        'retry.maxDelayMs must be a number from 101 to 600000, got 100',
      );
    });

    it.each([
      ['backoff', 'linear', 'one of "full-jitter", "decorrelated-jitter", "exponential", "fixed", or a function'],
      ['whenNested', 'never', 'one of "try-once", "retry"'],
      ['enforcement', 'maybe', 'one of "enforce", "observe", "off"'],
    ])('are refused where %s is %j', (option, value, expectation) => {
      const message = `retry.${option} must be ${expectation}, got ${JSON.stringify(value)}`;
      expect(verdictOn(retry, { [option]: value })).toBe(`ConfigError: ${message} (INVALID_CONFIG)`);
    });

    it.each(['full-jitter', 'decorrelated-jitter', 'exponential', 'fixed', () => 0])(
      'take %s as backoff',
      (backoff) => {
        expect(verdictOn(retry, { backoff })).toBe('accepted');
      },
    );

    it('are refused with the known ones where one is unknown', () => {
      expect(verdictOn(retry, { attempts: 3 })).toContain('TypeError: retry has no option "attempts"; it knows ');
      expect(verdictOn(retry, null)).toContain('retry must be an object of options, got null');
    });

    it('are not changed and not kept', async () => {
      const options = { clock, random: half, maxAttempts: 2 };
      const policy = retry(options);
      options.maxAttempts = 9;
      const operation = flaky(9);
      void observe(policy.execute(operation.run));

      await clock.runAll();

      expect(operation.runs()).toBe(2);
      expect(Object.isFrozen(retryDefaults)).toBe(true);
    });
  });

  describe('charter C4: hands on what an operation comes to, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      const call = observe(make({ maxAttempts: 3 }).execute(operation));

      await clock.runAll();

      expect(call()).toEqual(expected);
    });
  });

  it('charter C3: is the same with listeners that throw', async () => {
    const events = createEvents();
    events.listen(() => {
      throw new Error('bad listener');
    });
    const operation = flaky(2);
    const policy = make({ events, name: 'prices' });
    const call = observe(policy.execute(operation.run));

    await clock.runAll();

    expect(call()).toEqual({ status: 'fulfilled', value: 3 });
    expect(policy.retriedCount).toBe(2);
    expect(hookErrors.map(({ hook, policy: name }) => [hook, name])).toEqual([
      ['listener', 'prices'],
      ['listener', 'prices'],
    ]);
  });

  it('charter C5: decides by the default rule when isRetryable throws, and names the hook', async () => {
    const cause = new Error('bad predicate');
    const operation = flaky(1);
    const isRetryable = (): never => {
      throw cause;
    };
    const call = observe(make({ isRetryable }).execute(operation.run));

    await clock.runAll();

    expect(call()).toEqual({ status: 'fulfilled', value: 2 });
    expect(hookErrors).toMatchObject([{ hook: 'isRetryable', policy: 'retry', cause }]);
  });

  describe('charter G5: when the caller aborts', () => {
    const reason = { why: 'the user left' };

    it('before the call, runs nothing', async () => {
      const operation = flaky(0);
      const call = await settled(make().execute(operation.run, Context.from(AbortSignal.abort(reason))));

      expect(call).toEqual({ status: 'rejected', error: reason });
      expect(operation.runs()).toBe(0);
    });

    it('during a try, rejects at once and does not try again', async () => {
      const context = Context.withClock(clock).withCancel();
      let runs = 0;
      const call = observe(
        make().execute(() => {
          runs++;
          return never();
        }, context),
      );

      context.cancel(reason);
      await clock.runAll();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(runs).toBe(1);
    });

    it('during a wait, rejects at once and keeps no timer', async () => {
      const context = Context.withClock(clock).withCancel();
      const operation = flaky(9);
      const call = observe(make().execute(operation.run, context));

      await settle();
      expect(clock.pendingCount).toBe(1);
      context.cancel(reason);
      await settle();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(clock.pendingCount).toBe(0);
      expect(operation.runs()).toBe(1);
    });

    it('from a listener, before the wait, rejects with the reason', async () => {
      const context = Context.withClock(clock).withCancel();
      const events = createEvents();
      events.listen(() => context.cancel(reason));
      const call = observe(make({ events }).execute(flaky(9).run, context));

      await settle();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(clock.pendingCount).toBe(0);
    });

    it('after the call, changes nothing', async () => {
      const context = Context.withClock(clock).withCancel();
      const operation = flaky(1);
      const call = observe(make().execute(operation.run, context));

      await clock.runAll();
      context.cancel(reason);
      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 2 });
      expect(operation.runs()).toBe(2);
    });
  });

  describe('charter G6: with a deadline', () => {
    it('fails at once with the error of the try when the wait would reach the deadline', async () => {
      const operation = flaky(9);
      const context = Context.withClock(clock).withTimeout(50);
      const call = observe(make({ baseDelayMs: 100 }).execute(operation.run, context));

      await settle();

      expect(call()).toEqual({ status: 'rejected', error: operation.errors[0] });
      expect(clock.referencedCount).toBe(0);
    });

    it('waits when 1 ms would be left for the next try', async () => {
      const operation = flaky(1);
      const context = Context.withClock(clock).withTimeout(51);
      const call = observe(make({ baseDelayMs: 100 }).execute(operation.run, context));

      await clock.advance(50);

      expect(call()).toEqual({ status: 'fulfilled', value: 2 });
    });

    it('gives the cause when the deadline passes during a try', async () => {
      const context = Context.withClock(clock).withTimeout(80);
      const call = observe(make().execute(() => after(clock, 100, 'late'), context));

      await clock.advance(80);

      expect(call()).toEqual({ status: 'rejected', error: context.cause });
    });
  });

  it('charter A3: leaves no listener on a long-lived signal after 10,000 calls that wait', async () => {
    const controller = new AbortController();
    const shared = Context.from(controller.signal);
    const policy = make({ maxAttempts: 2, maxRetryRatio: Infinity });

    for (let round = 0; round < 1000; round++) {
      for (let index = 0; index < 10; index++) {
        const context = index % 2 === 0 ? shared : Context.from(controller.signal);
        void observe(policy.execute(flaky(index % 3).run, context));
      }
      await clock.runAll();
    }
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    const waiting = observe(policy.execute(flaky(9).run, shared));
    await settle();
    controller.abort('over');
    await settle();

    expect(waiting()).toEqual({ status: 'rejected', error: 'over' });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect(clock.pendingCount).toBe(0);
  });

  describe('charter C5: what it is given may misbehave', () => {
    it.each([
      [
        'throws',
        () => {
          throw new Error('no randomness');
        },
      ],
      ['gives no number', () => Number.NaN],
      ['gives more than 1', () => 7],
    ])('waits the longest time where random %s', async (_how, random) => {
      const reported: string[] = [];
      const before = onHookError((error) => reported.push(error.hook));
      const call = observe(
        retry({ clock, random, maxAttempts: 2, baseDelayMs: 100 }).execute(() => Promise.reject(new Error('down'))),
      );
      await clock.advance(99);
      expect(call().status).toBe('pending');
      await clock.advance(1);
      onHookError(before);

      expect(call()).toMatchObject({ status: 'rejected', error: { message: 'down' } });
      expect(reported).toEqual(['random']);
      expect(clock.pendingCount).toBe(0);
    });

    it('lets the default rule decide where isRetryable is an async function', async () => {
      const reported: unknown[] = [];
      const before = onHookError((error) => reported.push([error.hook, String(error.cause)]));
      const isRetryable = (async () => {
        throw new Error('late');
      }) as unknown as () => boolean;
      const call = observe(
        retry({ clock, isRetryable, maxAttempts: 2 }).execute(() => Promise.reject(new Error('down'))),
      );
      await clock.runAll();
      onHookError(before);

      expect(call()).toMatchObject({ error: { message: 'down' } });
      expect(reported).toEqual([['isRetryable', 'TypeError: isRetryable must return true or false, got object']]);
    });
  });
});
