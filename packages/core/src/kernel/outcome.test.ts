import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { CancelledError, DeadlineExceededError, isCancelled, isSuperseded, supersededBy } from './cancellation.ts';
import { Context } from './context.ts';
import { type HookError, RejectionError } from './errors.ts';
import { onHookError } from './hooks.ts';
import { type Verdict, classifyByError, judgeError, judgeValue } from './outcome.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

const live = Context.background;
const cancelled = Context.from(AbortSignal.abort('gone'));
const late = Context.withClock(virtualClock()).withTimeout(0);
const lateWithCause = Context.withClock(virtualClock()).withTimeout(0, new Error('the search is too slow'));
const lateByCaller = Context.from(AbortSignal.abort(new DOMException('late', 'TimeoutError')));

describe('outcome', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const byDefault: readonly (readonly [string, unknown, Context, Verdict])[] = [
    ['(1) an error', new Error('boom'), live, 'failure'],
    ['(1) undefined thrown', undefined, live, 'failure'],
    ['(1) a rejection of ours', new Refused('no'), live, 'ignored'],
    ['(1) a cancellation of ours', new CancelledError(), live, 'ignored'],
    [
      '(1) an AbortError of the platform while the caller waits',
      new DOMException('stop', 'AbortError'),
      live,
      'failure',
    ],
    ['(1) any error after the caller cancelled', new Error('boom'), cancelled, 'ignored'],
    ['(2) an error after a deadline with a cause of its own', lateWithCause.cause, lateWithCause, 'failure'],
    ['(2) a deadline error', new DeadlineExceededError(), live, 'failure'],
    ['(2) any error after the deadline', new Error('boom'), late, 'failure'],
    ['(2) any error after a timeout signal of the caller', new Error('boom'), lateByCaller, 'failure'],
    ['a rejection after the deadline', new Refused('no'), late, 'ignored'],
  ];

  it.each(byDefault)('%s counts by default as it should', (_what, error, context, verdict) => {
    expect(judgeError(classifyByError, error, context, 'p')).toBe(verdict);
    expect(classifyByError({ status: 'rejected', error }, context)).toBe(verdict);
  });

  it('(2) charter F3: a deadline that passed while the operation ran is a failure, a cancellation is not', async () => {
    const clock = virtualClock();
    const context = Context.withClock(clock).withTimeout(10);
    const error = new Error('boom');

    await clock.advance(9);
    expect(judgeError(() => 'ignored', error, context, 'p')).toBe('ignored');
    context.cancel('gone');
    expect(judgeError(classifyByError, error, context, 'p')).toBe('ignored');
    expect(judgeError(classifyByError, error, late, 'p')).toBe('failure');
  });

  it('(1) a value is a success by default, whatever it is', () => {
    for (const value of [1, undefined, null, new Error('returned'), new Refused('returned')]) {
      expect(judgeValue(classifyByError, value, cancelled, 'p')).toBe('success');
      expect(classifyByError({ status: 'fulfilled', value }, live)).toBe('success');
    }
  });

  it('a rule of the user is told what happened, and its verdict counts', () => {
    const error = new Error('boom');
    for (const verdict of ['success', 'failure', 'ignored'] as const) {
      const told: unknown[] = [];
      const classify = (outcome: unknown, context: Context): Verdict => {
        told.push(outcome, context);
        return verdict;
      };

      expect(judgeValue(classify, 1, live, 'p')).toBe(verdict);
      expect(judgeError(classify, error, cancelled, 'p')).toBe(verdict);
      expect(told).toEqual([{ status: 'fulfilled', value: 1 }, live, { status: 'rejected', error }, cancelled]);
    }
    expect(hookErrors).toEqual([]);
  });

  it('(4) a run that another one made superfluous is ignored, and no rule of the user is asked', () => {
    const cause = supersededBy('replicas', 'another attempt won');
    const context = Context.background.withCancel();
    context.cancel(cause);
    const classify = (): Verdict => 'failure';

    expect(judgeError(classify, cause, live, 'p')).toBe('ignored');
    expect(judgeError(classify, new Error('closed'), context.withCancel(), 'p')).toBe('ignored');
    expect(judgeError(classifyByError, cause, context, 'p')).toBe('ignored');
    expect(judgeError(classify, new CancelledError('enough', { policy: 'replicas' }), cancelled, 'p')).toBe('failure');
    expect([isCancelled(cause), isSuperseded(cause), Object.keys(cause).includes('policy')]).toEqual([
      true,
      true,
      true,
    ]);
    expect([new CancelledError(), undefined, { code: 'CANCELLED' }].map(isSuperseded)).toEqual([false, false, false]);
  });

  it('(3) says what a verdict may be, and leaves no promise unhandled that was given for one', async () => {
    const classify = (): never => Promise.reject(new Error('async')) as never;

    expect(judgeError(classify, new Error('boom'), live, 'p')).toBe('failure');
    await new Promise((resolve) => setImmediate(resolve)); // an unhandled rejection would fail the run
    expect(hookErrors[0]?.cause).toEqual(
      new TypeError("classify must return 'success', 'failure' or 'ignored', got [object Promise]"),
    );
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('bad');
      },
    ],
    ['gives nonsense', () => 'maybe' as Verdict],
    ['gives nothing', () => undefined as unknown as Verdict],
  ])('(3) charter C5: the default rule decides when classify %s', (_how, classify) => {
    expect(judgeValue(classify, 1, live, 'p')).toBe('success');
    expect(judgeError(classify, new Refused('no'), live, 'p')).toBe('ignored');
    expect(hookErrors).toMatchObject([
      { hook: 'classify', policy: 'p' },
      { hook: 'classify', policy: 'p' },
    ]);
  });
});
