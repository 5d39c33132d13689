import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { noteText, readNoteText } from './note-text.ts';

describe('noteText', () => {
  it('(1) writes the letters that every ledger can carry, and is read back unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const written = noteText(text);
        expect(written).toMatch(/^[\w.:/%-]*$/);
        expect(readNoteText(written)).toBe(text);
      }),
    );
  });

  it('(1) writes half of a surrogate pair as U+FFFD', () => {
    expect(readNoteText(noteText('a\uD800'))).toBe('a\uFFFD');
  });

  it('keeps what is plain as it is, and encodes a lone dash, which stands for nothing', () => {
    expect([noteText('prices.eu:1/a-b_c'), noteText(''), noteText('-'), noteText('--')]).toEqual([
      'prices.eu:1/a-b_c',
      '',
      '%2D',
      '--',
    ]);
  });

  it('reads what nobody has written as it is', () => {
    expect(readNoteText('100%')).toBe('100%');
  });
});
