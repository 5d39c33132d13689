import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createStreamReader } from './event-stream.ts';

const text = [
  'event: hello\ndata: {"isResumed":false,"atMs":1}\n\n',
  ': still here\n\n',
  'id: run-1\nevent: circuit\ndata: {"id":"prices","text":"a\\nb: c"}\n\n',
  'id: run-2\nevent: level\ndata: {"level":1.5}\n\n',
].join('');

const events = [
  { type: 'hello', data: { isResumed: false, atMs: 1 } },
  { type: 'circuit', data: { id: 'prices', text: 'a\nb: c' } },
  { type: 'level', data: { level: 1.5 } },
];

describe('createStreamReader', () => {
  it('(1) reads the same whatever pieces the text comes in', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: text.length })), (cuts) => {
        const reader = createStreamReader();
        const ends = [...cuts.toSorted((a, b) => a - b), text.length];
        const read = ends.flatMap((end, index) => reader.read(text.slice(index === 0 ? 0 : ends[index - 1], end)));

        expect(read).toEqual(events);
        expect(reader.lastId).toBe('run-2');
      }),
    );
  });

  it('keeps the id of the stream before until an event has one, and passes over comments', () => {
    const reader = createStreamReader('run-9');

    expect(reader.read(': still here\n\nevent: sample\ndata: {}\n\n')).toEqual([{ type: 'sample', data: {} }]);
    expect(reader.lastId).toBe('run-9');
  });

  it('throws where data is no JSON', () => {
    expect(() => createStreamReader().read('event: level\ndata: {\n\n')).toThrow(SyntaxError);
  });
});
