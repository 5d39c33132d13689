import { describe, expect, it } from 'vitest';

import type { CircuitStore } from '../kernel/circuit-store.ts';
import { type MemoryCircuitStore, memoryFleet } from '../fleet/memory-circuit-store.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { type CircuitStoreSubject, circuitStoreConformance } from './circuit-store-conformance.ts';
import { seededRandom } from './seeded-random.ts';
import { virtualClock } from './virtual-clock.ts';

/** Fleets in memory, on virtual time. */
function inMemory(seed: number, broken: (store: CircuitStore) => CircuitStore = (store) => store): CircuitStoreSubject {
  const clock = virtualClock();
  const random = seededRandom(seed);
  return {
    stores: async (count) => {
      const fleet = memoryFleet({ clock, random });
      return Array.from({ length: count }, (_each, index) => broken(fleet.store({ node: `n${index}` })));
    },
    breaker: (store, options) => circuitBreaker({ ...options, clock, random, store }),
    hold: async (store, id, state, forMs) => {
      const states = { open: 'forced-open', closed: 'forced-closed', auto: 'auto' } as const;
      await (store as MemoryCircuitStore).hold({ id, state: states[state], forMs, owner: 'ops', reason: 'a drill' });
    },
    until: async (condition, withinMs) => {
      const endsAt = clock.now() + withinMs;
      while (!condition()) {
        if (clock.now() >= endsAt) throw new Error(`not within ${withinMs} ms`);
        // oxlint-disable-next-line no-await-in-loop -- time passes step by step
        await clock.advance(Math.min(5, endsAt - clock.now()));
      }
    },
  };
}

describe('circuitStoreConformance', () => {
  it.each(circuitStoreConformance)('a store in memory $name', async (each) => {
    for (const seed of [1, 2, 3]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(each.run(inMemory(seed))).resolves.toBeUndefined();
    }
  });

  it.each<[string, string, string, (store: CircuitStore) => Partial<CircuitStore>]>([
    ['shares nothing', 'opens the fleet', 'not all are open', () => ({ join: joinNobody })],
    ['keeps telling', '(4) tells a member', 'it was told of a ruling', (store) => ({ join: keepMember(store) })],
    [
      'does not leave',
      'gives another node the lease of a breaker',
      'not within 2000 ms',
      (store) => ({ join: keepMember(store) }),
    ],
    [
      'counts nothing',
      'says how it is',
      'no request is counted',
      (store) => ({ health: () => ({ ...store.health(), operations: [] }) }),
    ],
  ])('finds a store that %s', async (_what, name, message, broken) => {
    const found = circuitStoreConformance.find((each) => each.name.startsWith(name));
    const subject = inMemory(1, (store) => Object.assign(Object.create(store) as CircuitStore, broken(store)));

    await expect(found?.run(subject)).rejects.toThrow(message);
  });
});

const nothing = (): void => {};
const joinNobody: CircuitStore['join'] = () => ({
  tripped: nothing,
  recovered: nothing,
  wasReset: nothing,
  noteDemand: nothing,
  leave: nothing,
  probe: () => 'own',
  retryAfterMs: () => 0,
  explain: () => ({ ruling: { state: 'closed', by: [] }, view: 'fresh' }) as never,
});

function keepMember(store: CircuitStore): CircuitStore['join'] {
  return (member) => {
    const shared = store.join(member);
    return Object.assign(Object.create(shared) as typeof shared, { leave: nothing });
  };
}
