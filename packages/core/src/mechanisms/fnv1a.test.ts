import { describe, expect, it } from 'vitest';

import { fnv1a } from './fnv1a.ts';

describe('fnv1a', () => {
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968],
  ])('gives of %j what the published vectors say', (text, hash) => {
    expect(fnv1a(text)).toBe(hash);
  });

  it('tells letters apart that differ in the high byte only', () => {
    expect(fnv1a('\u0161')).not.toBe(fnv1a('\u0261'));
    expect(fnv1a('\u0161')).not.toBe(fnv1a('a'));
    expect(fnv1a('\u0161')).toBe(fnv1a('a\u0001'));
  });

  it('is a number of 32 bits without a sign', () => {
    for (let index = 0; index < 1000; index++) {
      const hash = fnv1a(`key ${index}`);
      expect(hash).toBe(hash >>> 0);
    }
  });
});
