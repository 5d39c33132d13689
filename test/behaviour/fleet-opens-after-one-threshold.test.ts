import { circuitBreaker, createRegistry } from '@holdfast/core';
import { memoryFleet } from '@holdfast/core/fleet';
import { seededRandom, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

const NODES = 50;
const THRESHOLD = 20;

/** Fifty nodes, each with a breaker that opens at twenty failures, before a dependency that is down. */
function fleetOf(mode: 'ruling' | 'window') {
  const clock = virtualClock();
  const fleet = memoryFleet({ clock, random: seededRandom(7) });
  const breakers = Array.from({ length: NODES }, (_each, index) =>
    createRegistry({ clock, store: fleet.store({ node: `n${index}`, mode }) }).create(circuitBreaker, {
      name: 'dependency',
      minimumCalls: THRESHOLD,
      window: { kind: 'time', durationMs: 10_000 },
    }),
  );
  return { clock, breakers };
}

describe('a fleet of fifty before a dependency that is down', () => {
  it('charter L1: opens everywhere after about one threshold of calls that come to all in turn, not after fifty', async () => {
    const { clock, breakers } = fleetOf('window');
    await clock.advance(5000);
    let reached = 0;
    for (let call = 0; breakers.some(({ state }) => state === 'closed'); call++) {
      const permit = breakers[call % NODES]?.tryAcquire();
      if (permit !== undefined) reached++;
      permit?.failure();
      await clock.advance(10);
    }

    expect(reached).toBeGreaterThanOrEqual(THRESHOLD);
    expect(reached).toBeLessThan(3 * THRESHOLD);
  });

  it('charter L1: opens everywhere when two nodes have reached theirs, of calls that come to few', async () => {
    const { clock, breakers } = fleetOf('ruling');
    await clock.advance(5000);
    for (let call = 0; call < 2 * THRESHOLD; call++) breakers[call % 2]?.tryAcquire()?.failure();
    await clock.advance(50);

    expect(breakers.every(({ state }) => state === 'open')).toBe(true);
  });
});
