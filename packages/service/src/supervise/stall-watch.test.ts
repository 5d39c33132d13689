import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { StallWatch } from './stall-watch.ts';

describe('a stall watch', () => {
  it('(1) tells once, when nothing was heard for so long, and not after the end', async () => {
    const clock = virtualClock();
    const onStall = vi.fn<() => void>();
    const watch = new StallWatch(clock, 100, onStall);
    const ended = watch.orEnd(new Promise<string>((resolve) => void clock.setTimer(() => resolve('late'), 1000)));
    await clock.advance(99);
    watch.beat();
    await clock.advance(99);
    expect(onStall).not.toHaveBeenCalled();
    await clock.advance(1);
    expect(await ended).toBeUndefined();
    await clock.advance(1000);
    expect(onStall).toHaveBeenCalledTimes(1);

    const calm = vi.fn<() => void>();
    expect(await new StallWatch(clock, 100, calm).orEnd(Promise.resolve('done'))).toBe('done');
    await clock.advance(1000);
    expect(calm).not.toHaveBeenCalled();
  });

  it('(2) has one timer, however many beats, and none where it never asks', async () => {
    const clock = virtualClock();
    const watch = new StallWatch(clock, 100, () => {});
    void watch.orEnd(new Promise(() => {}));
    for (let beats = 0; beats < 100; beats++) watch.beat();
    expect(clock.pendingCount).toBe(1);
    expect(clock.referencedCount).toBe(0);
    void new StallWatch(clock, Infinity, () => {}).orEnd(new Promise(() => {}));

    expect(clock.pendingCount).toBe(1);
  });
});
