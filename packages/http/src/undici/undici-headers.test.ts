import { describe, expect, it } from 'vitest';

import { plainHeadersOf } from './undici-headers.ts';

describe('headers of undici', () => {
  it.each([
    ['none', undefined, {}],
    ['null', null, {}],
    ['an object', { 'X-A': '1', b: ['2', '3'], none: undefined }, { 'X-A': '1', b: ['2', '3'] }],
    ['a flat list', ['X-A', '1', 'b', '2', 'x-a', '3'], { 'X-A': ['1', '3'], b: '2' }],
    ['bytes', [Buffer.from('a'), Buffer.from('1')], { a: '1' }],
    [
      'pairs',
      [
        ['a', '1'],
        ['A', '2'],
      ],
      { a: ['1', '2'] },
    ],
    ['Headers', new Headers({ 'X-A': '1' }), { 'x-a': '1' }],
    ['a map', new Map([['a', '1']]), { a: '1' }],
    ['a list that is too short', ['a'], {}],
  ])('are read from %s', (_form, headers, expected) => {
    expect(plainHeadersOf(headers)).toEqual(expected);
  });
});
