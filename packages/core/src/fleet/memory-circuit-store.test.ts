import { describe, expect, it } from 'vitest';

import { createRegistry } from '../registry/registry.ts';
import { circuitBreaker, type CircuitBreakerOptions } from '../policies/circuit-breaker/circuit-breaker.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { memoryFleet } from './memory-circuit-store.ts';

const options = {
  minimumCalls: 2,
  openForMs: 1000,
  maxProbes: 1,
  probeLeaseMs: 500,
  window: { kind: 'count', size: 4 },
} as const;

function fleetOf(count: number, given: Partial<CircuitBreakerOptions> = {}) {
  const clock = virtualClock();
  const fleet = memoryFleet({ clock, random: seededRandom(1) });
  const stores = Array.from({ length: count }, (_each, index) => fleet.store({ node: `n${index}` }));
  const breakers = stores.map((store) =>
    createRegistry({ clock, random: seededRandom(2), store }).create(circuitBreaker, {
      name: 'prices',
      ...options,
      ...given,
    }),
  );
  return { clock, fleet, stores, breakers };
}

function fail(breaker: ReturnType<typeof circuitBreaker>, times = 2): void {
  for (let call = 0; call < times; call++) breaker.tryAcquire()?.failure();
}

describe('memoryFleet', () => {
  it('(1) opens all breakers of a name when enough of them have opened', async () => {
    const { clock, breakers } = fleetOf(5);
    await clock.advance(1000);
    fail(breakers[0]!);
    await clock.advance(10);
    expect(breakers.map(({ state }) => state)).toEqual(['open', 'closed', 'closed', 'closed', 'closed']);
    fail(breakers[1]!);
    await clock.advance(10);

    expect(breakers.map(({ state }) => state)).toEqual(['open', 'open', 'open', 'open', 'open']);
    expect(breakers[4]!.snapshot().fleet).toMatchObject({ ruling: { state: 'open', by: ['n0', 'n1'] }, view: 'fresh' });
  });

  it('holds a circuit for all, at once and again after others have', async () => {
    const { clock, stores, breakers } = fleetOf(2);
    const wish = { id: 'prices', forMs: 5000, owner: 'ada', reason: '' } as const;
    expect(await stores[0]!.hold({ ...wish, state: 'forced-open' })).toMatchObject({ state: 'forced-open' });
    expect(await stores[1]!.hold({ ...wish, state: 'forced-closed' })).toMatchObject({ state: 'forced-closed' });
    expect(await stores[0]!.hold({ ...wish, state: 'auto' })).toMatchObject({ state: 'closed' });
    expect(breakers[0]!.state).toBe('closed');
    await clock.advance(3000);

    expect(breakers.map(({ state }) => state)).toEqual(['closed', 'closed']);
  });

  it('lets one probe decide for all', async () => {
    const { clock, breakers } = fleetOf(3);
    await clock.advance(1000);
    fail(breakers[0]!);
    fail(breakers[1]!);
    await clock.advance(20);
    for (const breaker of breakers) expect(breaker.tryAcquire()).toBeUndefined();
    await clock.advance(1100);
    const permits = breakers.map((breaker) => breaker.tryAcquire());
    expect(permits.filter((permit) => permit !== undefined)).toHaveLength(1);
    for (const permit of permits) permit?.success();
    await clock.advance(20);

    expect(breakers.map(({ state }) => state)).toEqual(['closed', 'closed', 'closed']);
  });
});
