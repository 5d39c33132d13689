import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatBaggage, parseBaggage } from './baggage.ts';

describe('baggage', { timeout: 60_000 }, () => {
  it('is read with spaces, properties and encoded values, and written again', () => {
    const members = parseBaggage('userId=alice , serverNode = DF%2028;secret;p=1,isProduction=false, empty=');

    expect([...members]).toEqual([
      ['userId', 'alice'],
      ['serverNode', 'DF 28'],
      ['isProduction', 'false'],
      ['empty', ''],
    ]);
    expect(formatBaggage(members)).toBe('userId=alice,serverNode=DF%2028,isProduction=false,empty=');
    expect(formatBaggage([])).toBe('');
  });

  it('(1): has at most 64 members and 8192 bytes, and none that was cut off', () => {
    const many = Array.from({ length: 100 }, (_, index) => [`k${index}`, 'v'] as const);
    const large = Array.from({ length: 20 }, (_, index) => [`k${index}`, 'v'.repeat(1000)] as const);
    const text = large.map(([name, value]) => `${name}=${value}`).join(',');

    expect(parseBaggage(formatBaggage(many)).size).toBe(64);
    expect(parseBaggage(many.map(([name]) => `${name}=v`).join(',')).size).toBe(64);
    expect(formatBaggage(large).length).toBeLessThanOrEqual(8192);
    expect([...parseBaggage(text).values()].every((value) => value.length === 1000)).toBe(true);
    expect(parseBaggage(text).size).toBe(8);
  });

  it('(2), (3): leaves out what is not of the format; the first of two members counts', () => {
    expect([...parseBaggage('a b=1,=2,c,d="3",e=%0a,f=4,f=5, ,g==6')]).toEqual([
      ['f', '4'],
      ['g', '=6'],
    ]);
    expect(formatBaggage([['a b', '1'], ['b', '\r\n'], ['c', 'ok']])).toBe('c=ok'); // prettier-ignore
  });

  it('(2): throws for nothing, and reads what it wrote', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 1 }), fc.string({ unit: 'binary', maxLength: 60 }), (thing, text) => {
        expect(parseBaggage(thing as string)).toBeInstanceOf(Map);
        const members = parseBaggage(text);
        expect([...parseBaggage(formatBaggage(members))]).toEqual([...members]);
      }),
    );
  });
});
