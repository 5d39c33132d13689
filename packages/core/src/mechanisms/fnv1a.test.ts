import { describe, expect, it } from 'vitest';

import { fnv1a } from './fnv1a.ts';

describe('fnv1a', () => {
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('hashes %j as its authors do', (text, hash) => {
    expect(fnv1a(text)).toBe(hash);
  });

  it('tells apart what differs only beyond the first byte of a character', () => {
    expect(fnv1a('ā')).not.toBe(fnv1a('\u0001'));
    expect(fnv1a('Ё')).not.toBe(fnv1a('\u0001'));
  });
});
