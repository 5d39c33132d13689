/**
 * The promises of the port, on the store in memory; every other store keeps them by the conformance suite.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { memoryFleet } from '../fleet/memory-circuit-store.ts';
import { notingMember } from '../testing/fleet-table.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import type { ProbeAnswer } from './circuit-store.ts';

function fleetOf(count: number) {
  const clock = virtualClock();
  const fleet = memoryFleet({ clock, random: seededRandom(1) });
  const stores = Array.from({ length: count }, (_each, index) => fleet.store({ node: `n${index}` }));
  return { clock, fleet, stores, store: stores[0]! };
}

const requests = (store: { health(): { operations: readonly { readonly count: number }[] } }): number =>
  store.health().operations.reduce((sum, { count }) => sum + count, 0);

describe('circuit store', () => {
  it('(1) does nothing in the turn of the caller, and gives no promise', () => {
    const { store } = fleetOf(1);
    const shared = store.join(notingMember());
    const answers: unknown[] = [
      shared.tripped({ openMs: 10, reason: 'probes' }),
      shared.recovered(),
      shared.wasReset(),
      shared.noteDemand(),
      shared.probe(),
      shared.retryAfterMs(),
      shared.explain(),
      shared.leave(),
    ];

    expect(answers.filter((answer) => answer instanceof Promise)).toEqual([]);
    expect(requests(store)).toBe(0);
  });

  it('(2) counts one verdict of a lease', async () => {
    const { clock, store } = fleetOf(1);
    const member = notingMember();
    const shared = store.join(member);
    await clock.advance(1000);
    shared.tripped({ openMs: 50, reason: 'probes' });
    await clock.advance(100);
    const leases: ProbeAnswer[] = [];
    const probe = async (): Promise<void> => {
      for (let tries = 0; tries < 50 && typeof leases.at(-1) !== 'object'; tries++) {
        leases.push(shared.probe());
        // oxlint-disable-next-line no-await-in-loop -- time passes step by step
        await clock.advance(5);
      }
    };
    await probe();
    const lease = leases.at(-1);
    if (typeof lease !== 'object') throw new Error('no lease');
    lease.settle('success', 0);
    lease.settle('success', 0);
    await clock.advance(50);
    lease.settle('success', 0);
    await clock.advance(50);
    expect(member.states.at(-1)).toBe('half-open!');
    leases.push('none');
    await probe();
    const other = leases.at(-1);
    if (typeof other === 'object') other.settle('success', 0);
    await clock.advance(50);

    expect(member.states.at(-1)).toBe('closed!');
  });

  it('(3) is changed by nobody who joins or leaves', async () => {
    const { clock, fleet, store } = fleetOf(1);
    const before = fleet.ledger.snapshot();
    const shared = store.join(notingMember());
    await clock.advance(1000);
    shared.leave();
    await clock.advance(1000);

    expect(shared.explain().ruling.epoch).toBe(0);
    expect(store.health().operations.map(({ operation }) => operation)).toEqual(['sync']);
    before('memory');
  });

  it('(4) tells nothing to who has left, and keeps nothing of it', async () => {
    const { clock, stores } = fleetOf(2);
    const members = stores.map(() => notingMember());
    const joined = stores.map((store, index) => store.join(members[index]!));
    await clock.advance(1000);
    joined[0]!.leave();
    joined[1]!.tripped({ openMs: 500, reason: 'probes' });
    await clock.advance(100);

    expect([members[0]!.states, members[1]!.states[0]]).toEqual([[], 'open!']);
    joined[1]!.leave();
    const again = notingMember();
    stores[0]!.join(again);
    expect(again.states).toEqual(['open!']);
  });
});
