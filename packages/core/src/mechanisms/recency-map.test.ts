import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type ForgottenReason, RecencyMap } from './recency-map.ts';

const never = (): boolean => false;

function make(maxEntries: number): { map: RecencyMap<number>; forgotten: [string, ForgottenReason][] } {
  const forgotten: [string, ForgottenReason][] = [];
  return { map: new RecencyMap<number>(maxEntries, (key, why) => forgotten.push([key, why])), forgotten };
}

describe('recency map', () => {
  it('(1), (2) makes room by dropping what was used longest ago', () => {
    const { map, forgotten } = make(2);

    map.set('a', 1, never);
    map.set('b', 2, never);
    map.touch('a');
    map.set('c', 3, never);

    expect([map.peek('a'), map.peek('b'), map.peek('c')]).toEqual([1, undefined, 3]);
    expect(forgotten).toEqual([['b', 'full']]);
  });

  it('(1) makes room when it is made smaller', () => {
    const { map, forgotten } = make(3);
    for (const key of ['a', 'b', 'c']) map.set(key, 1, never);

    map.resize(1);

    expect([map.size, map.peek('c')]).toEqual([1, 1]);
    expect(forgotten).toEqual([
      ['a', 'full'],
      ['b', 'full'],
    ]);
  });

  it('(2) does not take a look for a use, but a replacement', () => {
    const { map } = make(2);
    for (const key of ['a', 'b', 'a']) map.set(key, 1, never);

    map.peek('b');
    map.set('c', 1, never);

    expect([map.peek('a'), map.peek('b')]).toEqual([1, undefined]);
  });

  it('keeps values that are falsy, and forgets what it is told to without saying so', () => {
    const { map, forgotten } = make(2);
    map.set('zero', 0, never);
    map.set('one', 1, never);
    map.touch('zero');
    map.touch('unknown');

    expect([map.peek('zero'), map.delete('one'), map.delete('one'), map.size]).toEqual([0, true, false, 1]);
    map.clear();
    expect([map.size, map.peek('zero'), forgotten]).toEqual([0, undefined, []]);
  });

  it('touches an entry that was deleted and added again', () => {
    const { map } = make(2);
    map.set('a', 1, never);
    map.set('b', 1, never);
    map.delete('b');
    map.touch('a');
    map.set('b', 1, never);
    map.touch('a');
    map.set('c', 1, never);

    expect([map.peek('a'), map.peek('b')]).toEqual([1, undefined]);
  });

  it('(3) drops what is dead within as many additions as there are entries, and tells', () => {
    const property = fc.property(fc.uniqueArray(fc.nat(99), { maxLength: 50 }), (dead) => {
      const { map, forgotten } = make(1000);
      for (let index = 0; index < 100; index++) map.set(`old-${index}`, index, never);
      const isDead = (value: number): boolean => dead.includes(value);

      for (let index = 100; index < 202; index++) map.set(`new-${index}`, index, isDead);

      expect(forgotten.map(([key, why]) => `${key} ${why}`).toSorted()).toEqual(
        dead.map((index) => `old-${index} dead`).toSorted(),
      );
      expect(map.size).toBe(202 - dead.length);
    });
    fc.assert(property);
  });

  it('(1), (2) does what a list does, whatever is asked of it', () => {
    const command = fc.record({
      does: fc.constantFrom('set', 'set', 'touch', 'delete', 'resize'),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      size: fc.integer({ min: 1, max: 4 }),
    });
    const property = fc.property(fc.array(command, { maxLength: 60 }), (history) => {
      const { map } = make(3);
      let [list, maxEntries] = [[] as string[], 3];
      for (const { does, key, size } of history) {
        const rest = list.filter((each) => each !== key);
        if (does === 'resize') map.resize((maxEntries = size));
        else if (does === 'set') map.set(key, 1, never);
        else if (does === 'touch') map.touch(key);
        else map.delete(key);
        if (does === 'set' || (does === 'touch' && list.includes(key))) list = [...rest, key];
        if (does === 'delete') list = rest;
        list = list.slice(-maxEntries);

        expect(['a', 'b', 'c', 'd', 'e'].filter((each) => map.peek(each) === 1)).toEqual(list.toSorted());
      }
    });
    fc.assert(property);
  });

  it('(3) takes two looks at entries for each addition, and adds nothing by touching what is not there', () => {
    const { map } = make(100);
    let looks = 0;
    for (let key = 0; key < 10; key++) map.set(String(key), key, never);
    map.touch('none');
    expect(map.size).toBe(10);

    map.clear();
    for (let key = 0; key < 50; key++) {
      looks = 0;
      map.set(String(key), key, () => (looks++, false));
      expect(looks).toBeLessThanOrEqual(2);
    }
  });
});
