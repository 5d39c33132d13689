import { describe, expect, it } from 'vitest';

import { hashSlot } from './hash-slot.ts';

describe('hashSlot', () => {
  it('has the value of the specification for its example', () => {
    expect(hashSlot('123456789')).toBe(0x31c3);
  });

  it.each([
    ['{user1000}.following', 'user1000'],
    ['foo{{bar}}zap', '{bar'],
    ['foo{bar}{zap}', 'bar'],
    ['rb1:{prod/3}:e', 'prod/3'],
  ])('counts of %s only the tag', (key, tag) => {
    expect(hashSlot(key)).toBe(hashSlot(tag));
  });

  it('counts the whole key where there is no tag', () => {
    expect(hashSlot('foo{}{bar}')).not.toBe(hashSlot('bar'));
    expect(hashSlot('foo}bar{')).not.toBe(hashSlot('foo'));
  });

  it('stays within the slots', () => {
    for (let number = 0; number < 1000; number++) expect(hashSlot(`rb1:{prod/${number}}:e`)).toBeLessThan(16_384);
  });
});
