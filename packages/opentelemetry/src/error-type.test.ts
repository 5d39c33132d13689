import { CancelledError, CircuitOpenError, Context, DeadlineExceededError } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { errorTypeOf, outcomeOf, reasonOf } from './error-type.ts';

class Hostile extends Error {
  override get name(): string {
    throw new Error('no name');
  }
}

describe('error type', () => {
  it.each([
    [new CircuitOpenError('prices', 'open', 5), 'CIRCUIT_OPEN'],
    [new TypeError('user 4711 is unknown'), 'TypeError'],
    [Object.assign(new Error('x'), { name: 'user 4711 is unknown' }), '_OTHER'],
    [Object.assign(new Error('x'), { name: 7 }), '_OTHER'],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [Object.assign(new TypeError('x'), { code: 'ERR_INVALID_URL' }), 'ERR_INVALID_URL'],
    [Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }), 'UND_ERR_SOCKET'],
    [Object.assign(new RangeError('x'), { code: 'USER_4711' }), 'RangeError'],
    [Object.assign(new RangeError('x'), { code: 'Ecole' }), 'RangeError'],
    [Object.assign(new RangeError('x'), { code: 14 }), 'RangeError'],
    ['a text', '_OTHER'],
    [undefined, '_OTHER'],
  ])('(1) of %o is %s', (error, expected) => {
    expect(errorTypeOf(error)).toBe(expected);
  });

  it('(1) of an error whose name throws is _OTHER', () => {
    expect(errorTypeOf(new Hostile())).toBe('_OTHER');
  });

  it('says how a call ended as the counts of a pipeline do', () => {
    const cancelled = Context.background.withCancel();
    const cause = new Error('the user left');
    cancelled.cancel(cause);

    expect(outcomeOf(new CircuitOpenError('prices', 'open', 5), Context.background)).toBe('rejected');
    expect(outcomeOf(cause, cancelled)).toBe('cancelled');
    expect(outcomeOf(cause, Context.background)).toBe('failure');
    expect(outcomeOf(new CancelledError(), Context.background)).toBe('cancelled');
    expect(outcomeOf(new DeadlineExceededError(), Context.background)).toBe('failure');
  });

  it('has a reason of refusals only', () => {
    expect(reasonOf(new CircuitOpenError('prices', 'open', 5))).toBe('open');
    expect(reasonOf(Object.assign(new Error('x'), { reason: 'mine' }))).toBeUndefined();
  });
});
