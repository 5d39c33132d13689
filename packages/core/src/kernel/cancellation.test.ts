import { describe, expect, it } from 'vitest';

import {
  CancelledError,
  DeadlineExceededError,
  isCancelled,
  isSuperseded,
  isTimeout,
  supersededBy,
} from './cancellation.ts';

describe('what an error says of a cancel', () => {
  it('is known by its code, its mark and its name', () => {
    const errors = [new CancelledError(), supersededBy('hedge', 'another was first'), new DeadlineExceededError()];

    expect(errors.map((error) => isCancelled(error))).toEqual([true, true, false]);
    expect(errors.map((error) => isSuperseded(error))).toEqual([false, true, false]);
    expect(errors.map((error) => isTimeout(error))).toEqual([false, false, true]);
  });

  it.each([
    ['nothing', undefined],
    ['a text', 'CANCELLED'],
    ['a platform error', new DOMException('gone', 'AbortError')],
    ['what cannot be read', new Proxy(new CancelledError(), { get: refuse })],
    ['what has one field that cannot be read', Object.defineProperty(new CancelledError(), 'code', { get: refuse })],
  ])('is never asked in vain: of %s it is nothing', (_what, error) => {
    expect([isCancelled(error), isSuperseded(error), isTimeout(error)]).toEqual([false, false, false]);
  });
});

function refuse(): never {
  throw new Error('hostile');
}
