import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { limitsOf } from './limits.ts';
import { LocalShare } from './local-share.ts';

function limits(options: { maxPerInterval: number; intervalMs?: number; maxBurst?: number }) {
  return limitsOf('test', { intervalMs: 1000, maxQueued: 0, maxWaitMs: 0, enforcement: 'enforce', ...options });
}

/** Takes as many as there are, every millisecond for `ms`. */
async function takeFor(share: LocalShare, clock: ReturnType<typeof virtualClock>, ms: number): Promise<number> {
  let taken = 0;
  for (let passed = 0; passed < ms; passed++) {
    while (share.take(1)) taken++;
    await clock.advance(1);
  }
  return taken;
}

describe('LocalShare', () => {
  it('(1) starts with one token, and then goes at its share of the rate', async () => {
    const clock = virtualClock();
    const share = new LocalShare(limits({ maxPerInterval: 1000 }), 4, clock);
    expect(share.take(1)).toBe(true);
    expect(share.take(1)).toBe(false);

    expect(share.delayMs(1)).toBeCloseTo(4);
    expect(await takeFor(share, clock, 1001)).toBe(250);
  });

  it('(1) has its share of a burst after a rest', async () => {
    const clock = virtualClock();
    const share = new LocalShare(limits({ maxPerInterval: 1000, maxBurst: 40 }), 4, clock);
    await clock.advance(1000);

    expect(share.take(10)).toBe(true);
    expect(share.take(1)).toBe(false);
  });

  it('(1) divides a rate per day by nodes as well', () => {
    const share = new LocalShare(limits({ maxPerInterval: 10, intervalMs: 86_400_000 }), 4, virtualClock());
    expect(share.take(1)).toBe(true);

    expect(share.delayMs(1)).toBeCloseTo(86_400_000 / 2);
  });

  it('(1) follows a change of the rate', async () => {
    const clock = virtualClock();
    const share = new LocalShare(limits({ maxPerInterval: 1000 }), 1, clock);
    share.change(limits({ maxPerInterval: 100 }), 1);

    expect(share.delayMs(1)).toBeLessThanOrEqual(10);
    expect(await takeFor(share, clock, 1000)).toBeLessThanOrEqual(101);
  });

  it('(2) tells what it let through and is not worked off yet', async () => {
    const clock = virtualClock();
    const share = new LocalShare(limits({ maxPerInterval: 1000, maxBurst: 100 }), 1, clock);
    expect(share.debt).toBe(0);
    await clock.advance(1000);
    share.take(30);
    expect(share.debt).toBe(30);
    await clock.advance(10);
    expect(share.debt).toBe(20);
    await clock.advance(1000);
    expect(share.debt).toBe(0);
  });
});
