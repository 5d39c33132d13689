import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CancelledError, DeadlineExceededError } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { type HookError, RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { observe, settled } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { BadResultError, type FallbackError, fallback } from './fallback.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}
const boom = new Error('boom');
const fail = (): never => {
  throw boom;
};

describe('the answers of fallback', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  describe('(1) with steps', () => {
    const isTimeoutLike = (error: unknown): boolean => error instanceof DeadlineExceededError;

    it('asks the next one where one fails, synchronously or not', async () => {
      const seen: unknown[] = [];
      const policy = fallback({
        steps: [
          { substitute: (error) => (seen.push(error), fail()) },
          {
            substitute: async (error) => {
              seen.push(error);
              throw new Error('worse');
            },
          },
          { value: 'third' },
        ],
      });
      const first = new Error('first');

      await expect(policy.execute(() => Promise.reject(first))).resolves.toBe('third');
      expect(seen).toEqual([first, first]);
      expect(policy.snapshot()).toEqual({ enforcement: 'enforce', used: 1, answered: 1, failed: 0, observed: 0 });
    });

    it('asks only those whose guard accepts the error', async () => {
      const policy = fallback({
        steps: [
          { value: 'slow', when: isTimeoutLike },
          { value: 'else', when: (_error, context) => !context.cancelled },
        ],
      });

      await expect(policy.execute(fail)).resolves.toBe('else');
      await expect(policy.execute(() => Promise.reject(new DeadlineExceededError()))).resolves.toBe('slow');
    });

    it('(3) hands the error on, unchanged and uncounted, where no guard accepts it', async () => {
      const policy = fallback({ steps: [{ value: 'slow', when: isTimeoutLike }] });

      await expect(policy.execute(fail)).rejects.toBe(boom);
      expect(policy.snapshot()).toMatchObject({ used: 0, failed: 0 });
    });

    it('(3) gives the errors of all that were asked, and that of the operation, where all fail', async () => {
      const [one, two] = [new Error('one'), new Error('two')];
      const policy = fallback({
        steps: [
          { substitute: () => Promise.reject(one) },
          { value: 'slow', when: isTimeoutLike },
          { substitute: () => Promise.reject(two) },
        ],
      });
      const { error } = (await settled(policy.execute(fail))) as { error: FallbackError };

      expect(error).toMatchObject({
        code: 'FALLBACK_FAILED',
        message: 'fallback failed after the operation had failed',
      });
      expect([error.cause, error.fallbackError, error.fallbackErrors]).toEqual([boom, two, [one, two]]);
      expect(policy.snapshot()).toMatchObject({ used: 1, answered: 0, failed: 1 });
    });

    it('(2) asks no further one once the context has ended', async () => {
      const context = Context.background.withCancel();
      const asked: number[] = [];
      const policy = fallback({
        steps: [
          {
            substitute: () => {
              asked.push(1);
              context.cancel('enough');
              throw boom;
            },
          },
          { substitute: () => asked.push(2) },
        ],
      });

      expect(await settled(policy.execute(fail, context))).toEqual({ status: 'rejected', error: 'enough' });
      expect(asked).toEqual([1]);
    });

    it('(2) are bounded by the deadline of the caller, one after the other', async () => {
      const clock = virtualClock();
      const slow = (): Promise<string> => new Promise((resolve) => void clock.setTimer(() => resolve('slow'), 60));
      const rejectsSlowly = async (): Promise<string> => {
        await slow();
        throw boom;
      };
      const policy = fallback({ steps: [{ substitute: rejectsSlowly }, { substitute: slow }] });
      const context = Context.withClock(clock).withTimeout(100);
      const call = observe(policy.execute(fail, context));

      await clock.advance(100);

      expect(call()).toEqual({ status: 'rejected', error: context.cause });
      expect(policy.snapshot()).toMatchObject({ used: 1, failed: 1 });
    });

    it('tells of each step that is asked, by name', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      const refused = new Refused('no');
      const policy = fallback({ events, steps: [{ substitute: fail }, { name: 'empty', value: [] }] });

      await policy.execute(() => Promise.reject(refused));

      expect(recorder.events).toMatchObject([
        { step: 'step-1', reason: 'rejection', error: refused },
        { step: 'empty', reason: 'rejection', error: refused },
      ]);
    });

    it('charter C5: tries a step whose guard throws, and reports the hook', async () => {
      const policy = fallback({ steps: [{ value: 'stale', when: fail }] });

      await expect(policy.execute(() => Promise.reject(new Error('other')))).resolves.toBe('stale');
      expect(hookErrors).toMatchObject([{ hook: 'when', cause: boom, policy: 'fallback' }]);
    });

    it.each([
      [[], 'fallback.steps must be an array of 1 to 16 steps'],
      [Array.from({ length: 17 }, () => ({ value: 1 })), 'fallback.steps must be an array of 1 to 16 steps'],
      [[{}], 'fallback.steps[0] must be given exactly one of value and substitute, got "neither"'],
      [[{ value: 1, substitute: () => 1 }], 'exactly one of value and substitute, got "both"'],
      [[{ value: 1 }, 7], 'fallback.steps[1] must be an object of options, got 7'],
      [[{ substitute: 7 }], 'fallback.steps[0].substitute must be a function, got 7'],
      [[{ value: 1, when: true }], 'fallback.steps[0].when must be a function, got true'],
      [[{ value: 1, name: '' }], 'fallback.steps[0].name must be a non-empty string'],
      [[{ value: 1, tries: 2 }], 'TypeError: fallback.steps[0] has no option "tries"'],
      [
        [
          { value: 1, name: 'a' },
          { value: 2, name: 'a' },
        ],
        'fallback.steps must be steps of different names, got "a"',
      ],
    ])('refuses %j', (steps, message) => {
      expect(verdictOn(fallback, { steps })).toContain(message);
    });
  });

  describe('with classify', () => {
    const classify = (outcome: {
      status: string;
      value?: unknown;
      error?: unknown;
    }): 'failure' | 'success' | 'ignored' => {
      if (outcome.status === 'fulfilled') return outcome.value === 503 ? 'failure' : 'success';
      return outcome.error === boom ? 'failure' : 'ignored';
    };

    it('answers values and errors that are failures, and hands on the others', async () => {
      const seen: unknown[] = [];
      const policy = fallback({ classify, substitute: (error) => (seen.push(error), 'stale') });
      const other = new Error('other');

      await expect(policy.execute(() => 503)).resolves.toBe('stale');
      await expect(policy.execute(() => 200)).resolves.toBe(200);
      await expect(policy.execute(fail)).resolves.toBe('stale');
      await expect(policy.execute(() => Promise.reject(other))).rejects.toBe(other);
      expect(seen).toMatchObject([{ code: 'BAD_RESULT', value: 503 }, boom]);
      expect(seen[0]).toBeInstanceOf(BadResultError);
    });

    it('(3) hands the value on, by identity, where no step is for it', async () => {
      const value = { status: 503 };
      const policy = fallback({ classify: () => 'failure', steps: [{ value: 1, when: () => false }] });

      await expect(policy.execute(() => value)).resolves.toBe(value);
    });

    it('(3) keeps the value within reach where the answer fails', async () => {
      const { error } = (await settled(fallback({ classify, substitute: fail }).execute(() => 503))) as {
        error: FallbackError;
      };

      expect(error.cause).toMatchObject({ name: 'BadResultError', value: 503 });
    });

    it('answers rejections without asking it, and never a cancellation', async () => {
      const verdicts: unknown[] = [];
      const policy = fallback({ value: 'stale', classify: (outcome) => (verdicts.push(outcome), 'failure') });
      const cancelled = new CancelledError();

      await expect(policy.execute(() => Promise.reject(new Refused('no')))).resolves.toBe('stale');
      await expect(policy.execute(() => Promise.reject(cancelled))).rejects.toBe(cancelled);
      expect(verdicts).toEqual([]);
    });

    it('(2) hands a bad value on when the context has ended', async () => {
      const context = Context.background.withCancel();
      const policy = fallback({ value: 'stale', classify });

      await expect(policy.execute(() => (context.cancel('left'), 503), context)).resolves.toBe(503);
    });

    it('charter S5: refuses it together with handles', () => {
      expect(verdictOn(fallback, { value: 1, classify, handles: () => true })).toContain(
        'ConfigError: fallback must be given at most one of handles and classify, got "both"',
      );
    });
  });

  it.each([{}, { classify: () => 'failure' as const }, { handles: () => true }])(
    'leaves rejections alone where it is told to, with %j',
    async (judge) => {
      const policy = fallback({ value: 'stale', answersRejections: false, ...judge });
      const refused = new Refused('no');

      await expect(policy.execute(() => Promise.reject(refused))).rejects.toBe(refused);
      await expect(policy.execute(fail)).resolves.toBe('stale');
    },
  );
});
