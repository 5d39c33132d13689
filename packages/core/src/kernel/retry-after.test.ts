import { describe, expect, it } from 'vitest';

import { retryAfterMsOf } from './retry-after.ts';

describe('retryAfterMsOf', () => {
  it.each([
    [{ retryAfterMs: 5 }, 5],
    [{ retryAfterMs: 0 }, 0],
    [{ retryAfterMs: Infinity }, Infinity],
    [Object.assign(new Error('down'), { retryAfterMs: 0.5 }), 0.5],
    [{ retryAfterMs: -5 }, undefined],
    [{ retryAfterMs: Number.NaN }, undefined],
    [{ retryAfterMs: '5' }, undefined],
    [new Error('down'), undefined],
    [undefined, undefined],
    [null, undefined],
    ['5', undefined],
  ])('reads what an error asks for: %j', (error, expected) => {
    expect(retryAfterMsOf(error)).toBe(expected);
  });

  it('takes a hostile error for one that says nothing', () => {
    const hostile = new Proxy({}, { get: () => expect.fail('nobody may see this') });

    expect(retryAfterMsOf(hostile)).toBeUndefined();
  });
});
