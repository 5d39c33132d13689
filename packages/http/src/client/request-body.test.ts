import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { isSpentOnceSent, isStream } from './request-body.ts';

describe('a body', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'text'],
    ['bytes', new Uint8Array(3)],
    ['a buffer', Buffer.from('x')],
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['a Blob', new Blob(['x'])],
    ['a form', new FormData()],
    ['parameters', new URLSearchParams('a=b')],
    ['an object', { a: 1 }],
    ['a function', () => 'x'],
  ])('can be sent again: %s', (_name, body) => {
    expect(isSpentOnceSent(body)).toBe(false);
  });

  it.each([
    ['a stream of Node.js', Readable.from(['x'])],
    ['a stream of the web', new ReadableStream()],
    ['an async generator', (async function* empty() {})()],
    ['a generator', (function* empty() {})()],
    ['an async iterable', { [Symbol.asyncIterator]: () => ({}) }],
  ])('is spent once it was sent: %s', (_name, body) => {
    expect(isSpentOnceSent(body)).toBe(true);
  });

  it('that is a stream needs no end', () => {
    expect([new ReadableStream(), Readable.from(['x']), 'text', new Blob([]), undefined].map(isStream)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
