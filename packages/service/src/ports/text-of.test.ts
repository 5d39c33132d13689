import { describe, expect, it } from 'vitest';

import { textOf } from './text-of.ts';

describe('textOf', () => {
  it.each([
    [new Error('boom'), 'boom'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [Symbol('sign'), 'Symbol(sign)'],
    [Object.create(null), 'what was thrown cannot be read'],
    [Object.defineProperty(new Error(), 'message', { value: Object.create(null) }), 'what was thrown cannot be read'],
  ])('of %o is %s', (error, text) => {
    expect(textOf(error)).toBe(text);
  });
});
