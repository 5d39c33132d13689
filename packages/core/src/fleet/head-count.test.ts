import { describe, expect, it } from 'vitest';

import { HeadCount } from './head-count.ts';

describe('HeadCount', () => {
  it('(1) believes in more nodes at once, and in fewer after the time in which all could have said that they are there', () => {
    const count = new HeadCount();
    const note = (nodes: number, now: number): readonly [boolean, number] => [count.note(nodes, 2000, now), count.size];

    expect(note(10, 0)).toEqual([false, 10]);
    expect(note(1, 2000)).toEqual([true, 10]);
    expect(note(7, 4000)).toEqual([false, 10]);
    expect(note(10, 4599)).toEqual([false, 10]);
    expect(note(0, 6000)).toEqual([true, 10]);
    expect(note(3, 8599)).toEqual([false, 10]);
    expect(note(3, 8600)).toEqual([false, 3]);
    expect(note(0, 9000)).toEqual([true, 3]);
    expect(note(0, 12_000)).toEqual([false, 1]);
    expect(note(1, 14_000)).toEqual([false, 1]);
  });
});
