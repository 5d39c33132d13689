import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LastLines } from './last-lines.ts';

describe('the last lines', () => {
  it('(1) are the end of the text, however it comes, and bounded', () => {
    const text = fc.array(fc.constantFrom('a', 'é', '\n', '\r\n', 'line'), { maxLength: 60 });
    fc.assert(
      fc.property(text, fc.nat(5), fc.integer({ min: 1, max: 7 }), (parts, maxLines, size) => {
        const lines = new LastLines(maxLines);
        const bytes = new TextEncoder().encode(parts.join(''));
        for (let from = 0; from < bytes.length; from += size) lines.add(bytes.subarray(from, from + size));
        const all = parts.join('').split(/\r?\n/);
        if (all.at(-1) === '') all.pop();

        expect(lines.all().map((line) => line.replace(/\r$/, ''))).toEqual(maxLines === 0 ? [] : all.slice(-maxLines));
      }),
    );
  });

  it('(1) cuts lines that have no end', () => {
    const lines = new LastLines(2);
    for (let count = 0; count < 100; count++) lines.add('x'.repeat(1000));

    expect(lines.all()).toEqual(['x'.repeat(2000)]);
  });
});
