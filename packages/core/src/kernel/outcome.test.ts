import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { CancelledError, DeadlineExceededError } from './cancellation.ts';
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
