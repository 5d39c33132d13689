import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { pause } from './pause.ts';

const clock = virtualClock();
const root = Context.withClock(clock);

describe('pause', () => {
  it('waits for its time, or for the end of the context', async () => {
    const ends: string[] = [];
    const context = root.withTimeout(50);
    void pause(20, { clock, context }).then(() => ends.push(`short ${clock.now()}`));
    void pause(500, { clock, context }).then(() => ends.push(`long ${clock.now()}`));
    const start = clock.now();
    await clock.advance(500);

    expect(ends).toEqual([`short ${start + 20}`, `long ${start + 50}`]);
    expect(clock.pendingCount).toBe(0);
  });
});
