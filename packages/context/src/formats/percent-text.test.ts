import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeText, encodeText } from './percent-text.ts';

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());

describe('percent text', { timeout: 60_000 }, () => {
  it('(1), (3): what is written is printable, and read as it was', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const written = encodeText(text);
        if (written === undefined) return;

        expect(written).toMatch(/^[!#-+\--:<-[\]-~]*$/);
        expect(decodeText(written)).toBe(text);
      }),
    );
  });

  it('(2), (3): reads anything, and never a control character', () => {
    const texts = fc.oneof(anyText, fc.stringMatching(/^(?:%[\dA-Fa-f]{2}|[a-z]){0,9}$/));
    fc.assert(
      fc.property(texts, (text) => {
        // oxlint-disable-next-line no-control-regex -- it is about control characters
        expect(decodeText(text) ?? '').not.toMatch(/[\u0000-\u001F\u007F-\u009F]/);
      }),
      { numRuns: 1000 },
    );
  });

  it('(1): leaves plain texts as they are, and encodes the rest', () => {
    expect(encodeText('ORD-2024/10001:a=b')).toBe('ORD-2024/10001:a=b');
    expect(encodeText('100% of "a, b; c\\d"')).toBe('100%25%20of%20%22a%2C%20b%3B%20c%5Cd%22');
    expect(encodeText('张三 😀')).toBe('%E5%BC%A0%E4%B8%89%20%F0%9F%98%80');
    expect(encodeText('')).toBe('');
  });

  it.each(['a\r\nb', 'a\nb', '\0', '\u007f', '\u0085', '\u2028', '\ud800'])('(3): %j is not written', (text) => {
    expect(encodeText(text)).toBeUndefined();
  });

  it.each(['a%0d%0aSet-Cookie:x', '%00', '%E2%80%A8', '%', '%zz', '%C3', 'a b', 'é', 'a,b', 'a;b', '"a"'])(
    '(3): %j is not read',
    (text) => {
      expect(decodeText(text)).toBeUndefined();
    },
  );
});
