import { describe, expect, it } from 'vitest';

import { createStore } from './store.ts';

describe('createStore', () => {
  it('(1) draws once per frame, however often it changes, and the last state', () => {
    const frames: (() => void)[] = [];
    const drawn: number[] = [];
    const store = createStore(
      0,
      (then) => void frames.push(then),
      (state) => void drawn.push(state),
    );
    for (let change = 0; change < 10; change++) store.update((state) => state + 1);
    expect([frames.length, drawn, store.state]).toEqual([1, [], 10]);

    frames.shift()?.();
    store.update((state) => state + 1);
    frames.shift()?.();

    expect([drawn, frames.length]).toEqual([[10, 11], 0]);
  });
});
