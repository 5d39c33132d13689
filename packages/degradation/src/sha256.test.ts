import { describe, expect, it } from 'vitest';

import { checksum, sha256, signature } from './sha256.ts';

describe('seals', () => {
  const secret = 'a secret of the fleet';

  it.each([
    ['checksum', checksum],
    ['signature', signature(secret)],
  ])('(1) %s knows its own seal, and refuses all others', (_name, seal) => {
    const given = seal.seal('text');

    expect(seal.isSealed('text', given)).toBe(true);
    expect(seal.isSealed('text ', given)).toBe(false);
    expect(seal.isSealed('text', `${given.slice(0, -1)}g`)).toBe(false);
    expect(seal.isSealed('text', '')).toBe(false);
  });

  it('is another one under another secret, and none without', () => {
    expect(signature(secret).isSealed('text', signature(`${secret}!`).seal('text'))).toBe(false);
    expect(signature(secret).isSealed('text', checksum.seal('text'))).toBe(false);
    expect(() => signature('short')).toThrow(RangeError);
  });

  it('is SHA-256', () => {
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
