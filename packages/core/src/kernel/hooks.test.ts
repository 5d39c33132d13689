import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { settle } from '../testing/virtual-clock.ts';
import type { HookError } from './errors.ts';
import { askHook, callHook, ignoreRejection, onHookError, reportHookError } from './hooks.ts';

describe('hooks', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it.each([true, false])('that answer are believed: %s', (answer) => {
    const ask = () =>
      askHook(
        'isRetryable',
        'prices',
        () => answer,
        () => !answer,
      );

    expect(ask()).toBe(answer);
    expect(hookErrors).toEqual([]);
  });

  it.each([
    ['undefined', () => undefined],
    ['number', () => 1],
    ['string', () => 'true'],
    ['object', () => null],
    ['object', () => Promise.reject(new Error('async'))],
  ])(
    'charter C5: that answer with what is neither, a %s, are reported, and the other rule decides',
    async (type, give) => {
      for (const otherwise of [true, false]) {
        expect(askHook('isRetryable', 'prices', give, () => otherwise)).toBe(otherwise);
      }
      await settle(); // a rejection that nobody took would fail the run

      expect(hookErrors).toHaveLength(2);
      expect(hookErrors[0]).toMatchObject({ hook: 'isRetryable', policy: 'prices' });
      expect(hookErrors[0]?.cause).toEqual(new TypeError(`isRetryable must return true or false, got ${type}`));
    },
  );

  it('charter C5: that throw are reported with their error, and the other rule decides', () => {
    const cause = new Error('bad hook');
    const answer = askHook(
      'isRetryable',
      'prices',
      () => {
        throw cause;
      },
      () => true,
    );

    expect(answer).toBe(true);
    expect(hookErrors).toMatchObject([{ hook: 'isRetryable', policy: 'prices', cause }]);
  });

  it('may belong to no policy', () => {
    reportHookError('listener', 'oops');

    expect(hookErrors[0]).toMatchObject({ hook: 'listener', policy: undefined, cause: 'oops' });
  });

  it('give what is no promise, and nothing happens', () => {
    for (const value of [undefined, 1, { catch: 'no function' }]) expect(() => ignoreRejection(value)).not.toThrow();
  });

  it('whose answer nobody needs are called once, and what they throw or reject with is reported', async () => {
    const boom = new Error('boom');
    let calls = 0;
    callHook('onLeak', undefined, () => ++calls);
    callHook('onFailure', 'prices', () => {
      throw boom;
    });
    callHook('onFailure', 'prices', () => Promise.reject(boom));
    await settle();

    expect(calls).toBe(1);
    expect(hookErrors.map(({ hook, policy, cause }) => [hook, policy, cause])).toEqual([
      ['onFailure', 'prices', boom],
      ['onFailure', 'prices', boom],
    ]);
  });
});
