import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { group } from './group.ts';

interface Piece {
  readonly at: number;
  readonly takesMs: number;
  readonly fails: boolean;
}

/** Pieces in the order of their coming. Even comings and odd ends never fall on one instant, where order is a matter of taste. */
const pieces = fc
  .array(fc.record({ gap: fc.nat(20), takes: fc.integer({ min: 1, max: 30 }), fails: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((list) => {
    let at = 0;
    return list.map(({ gap, takes, fails }): Piece => {
      at += gap * 4;
      return { at, takesMs: takes * 4 + 1, fails };
    });
  });

/** What errgroup does, in the plainest way: so many at once, in the order of their coming, and none after the first failure. */
class NaiveGroup {
  readonly starts: (number | undefined)[];
  firstFailure: number | undefined;
  endsAt = 0;
  private readonly list: readonly Piece[];
  private readonly limit: number;
  private readonly queue: number[] = [];
  private readonly running: { readonly index: number; readonly endsAt: number }[] = [];

  constructor(list: readonly Piece[], limit: number) {
    this.list = list;
    this.limit = limit;
    this.starts = list.map(() => undefined);
    for (let now = 0; now < 2000; now++) this.live(now);
  }

  private live(now: number): void {
    for (const ended of this.running.filter(({ endsAt }) => endsAt === now)) {
      this.endsAt = now;
      this.running.splice(this.running.indexOf(ended), 1);
      if (this.list[ended.index]?.fails === true) this.firstFailure ??= ended.index;
      this.admit(now); // of two that end at one instant, the first to have started makes room first
    }
    this.list.forEach(({ at }, index) => at === now && this.queue.push(index));
    this.admit(now);
  }

  private admit(now: number): void {
    while (this.queue.length > 0 && this.running.length < this.limit && this.firstFailure === undefined) {
      const index = this.queue.shift() as number;
      this.starts[index] = now;
      this.running.push({ index, endsAt: now + (this.list[index]?.takesMs ?? 0) });
    }
  }
}

/** What a group does with the same pieces. */
async function play(list: readonly Piece[], limit: number) {
  const clock = virtualClock();
  const parts = group(Context.withClock(clock), limit);
  const starts: (number | undefined)[] = list.map(() => undefined);
  for (const [index, { at, takesMs, fails }] of list.entries()) {
    await clock.advanceTo(at);
    void parts.go(async () => {
      starts[index] = clock.now();
      await new Promise<void>((resolve) => void clock.setTimer(resolve, takesMs));
      if (fails) throw index;
    });
  }
  const waitedFrom = clock.now();
  const failure = await Promise.all([
    parts.wait().then(
      () => undefined,
      (error: unknown) => error,
    ),
    clock.runAll(),
  ]);
  return { starts, failure: failure[0], waitedFrom, endedAt: clock.now(), timers: clock.pendingCount };
}

describe('a group of random pieces', () => {
  it('(1), (2), (3), (4) starts, fails and ends as a naive errgroup does', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 4 }), async (list, limit) => {
        const naive = new NaiveGroup(list, limit);
        const { starts, failure, waitedFrom, endedAt, timers } = await play(list, limit);

        expect(starts).toEqual(naive.starts);
        expect(failure).toBe(naive.firstFailure);
        expect(endedAt).toBe(Math.max(waitedFrom, naive.endsAt));
        expect(timers).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
