import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type HeldState, Holds } from './holds.ts';

const states: fc.Arbitrary<HeldState> = fc.constantFrom('forced-open', 'forced-closed');
const owners = fc.constantFrom('people', 'brownout', 'deployment');

describe('holds', () => {
  it('holds (1), (2) hold the circuit open while anybody does, else closed while anybody does, each for its time', () => {
    const steps = fc.array(
      fc.record({ state: states, owner: owners, forMs: fc.integer({ min: 1, max: 50 }), waitMs: fc.nat(30) }),
    );
    const property = fc.property(steps, (given) => {
      const holds = new Holds();
      const log = new Map<string, { state: HeldState; until: number }>();
      let now = 0;
      for (const { state, owner, forMs, waitMs } of given) {
        holds.add(state, { owner, forMs }, now);
        log.set(owner, { state, until: now + forMs });
        now += waitMs;
        const live = [...log.values()].filter(({ until }) => until > now);
        const open = live.filter((hold) => hold.state === 'forced-open');
        expect(holds.stateAt(now)).toBe(open.length > 0 ? 'forced-open' : live[0]?.state);
        expect(holds.list(now)).toHaveLength(live.length);
        expect(holds.remainingOpenMs(now)).toBe(Math.max(0, ...open.map(({ until }) => until - now)));
      }
    });
    fc.assert(property);
  });

  it('holds (3) release what was held, and not a later hold of the same owner', () => {
    const holds = new Holds();
    const first = holds.add('forced-open', { owner: 'people', forMs: 10 }, 0);
    const second = holds.add('forced-closed', { owner: 'people', forMs: Infinity, reason: 'a test' }, 0);

    expect(first()).toBe(false);
    expect(holds.list(5)).toEqual([
      { state: 'forced-closed', owner: 'people', reason: 'a test', remainingMs: Infinity },
    ]);
    expect([second(), second()]).toEqual([true, false]);
    expect(holds.stateAt(5)).toBeUndefined();
  });
});
