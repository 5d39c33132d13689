import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { encodeId, keyBase, requireId } from './redis-key.ts';

describe('redis key', () => {
  it('has namespace, kind and id in one hash tag', () => {
    expect(keyBase({ prefix: 'rb', namespace: 'prod' }, 'rate', 'maps/geocode')).toBe('rb1:{prod/rate/maps/geocode}');
    expect(keyBase({ prefix: 'rb', namespace: 'prod' }, 'rate', 'a}b é')).toBe('rb1:{prod/rate/a%7Db%20%C3%A9}');
  });

  it('tells all ids apart, in characters that need no quoting', () => {
    const ids = fc.string({ unit: 'grapheme', maxLength: 20 });
    const property = fc.property(ids, ids, (one, other) => {
      expect(encodeId(one)).toMatch(/^[A-Za-z0-9_.:/%-]*$/);
      expect(encodeId(one) === encodeId(other)).toBe(one === other);
      expect(decodeURIComponent(encodeId(one))).toBe(one);
    });
    fc.assert(property);
  });

  it.each(['', 'x'.repeat(129), '\uD800', 7, undefined])('refuses %j as an id', (id) => {
    expect(() => requireId('once.key', id)).toThrow('once.key must be a string of 1 to 128 characters');
  });
});
