import { describe, expect, it } from 'vitest';

import { memberRules, nodeViewOf, notingMember, rulingOf } from '../testing/fleet-table.ts';
import { NodeCircuit } from './node-circuit.ts';
import { loneTimes, openUntil, retryAfterMs } from './probe-times.ts';

const T0 = 1_000_000;

function circuitOf(given: NonNullable<Parameters<typeof nodeViewOf>[0]> = {}) {
  const knobs = { heardAt: T0, randomly: 0, ...given };
  const circuit = new NodeCircuit('prices', nodeViewOf(knobs), T0);
  const member = notingMember();
  circuit.join(member, T0);
  return { circuit, member, knobs };
}

const open = (remainingMs: number) => rulingOf({ epoch: 2, state: 'open', remainingMs });

describe('openUntil', () => {
  it('is the end of the time that the node goes by', () => {
    const { circuit, member } = circuitOf();
    expect(openUntil(circuit, T0)).toBe(-Infinity);
    circuit.tripped(member, { openMs: 700, reason: 'probes' }, T0);
    expect(openUntil(circuit, T0)).toBe(T0 + 700);
    circuit.adopt(open(500), T0);
    expect(openUntil(circuit, T0)).toBe(T0 + 500);
    circuit.adopt(rulingOf({ epoch: 3, state: 'forced-open', remainingMs: 900 }), T0);
    expect(openUntil(circuit, T0)).toBe(T0 + 900);
    circuit.adopt(rulingOf({ epoch: 4, state: 'forced-closed', remainingMs: 900 }), T0);
    expect(openUntil(circuit, T0)).toBe(-Infinity);
  });

  it('is that of a hold also where the node is open by itself', () => {
    const { circuit, member } = circuitOf();
    circuit.adopt(rulingOf({ epoch: 3, state: 'forced-open', remainingMs: 900 }), T0);
    circuit.tripped(member, { openMs: 2000, reason: 'probes' }, T0);

    expect([openUntil(circuit, T0), openUntil(circuit, T0 + 901)]).toEqual([T0 + 900, T0 + 2000]);
  });
});

describe('retryAfterMs', () => {
  it('is what is left of the open time', () => {
    const { circuit } = circuitOf();
    circuit.adopt(open(500), T0);
    expect(retryAfterMs(circuit, T0 + 100)).toBe(400);
  });

  it('is about the time of a claim while one is on its way, and until it is due where it waits', () => {
    const { circuit } = circuitOf();
    circuit.adopt(open(500), T0);
    circuit.noteDemand(T0 + 600);
    expect(retryAfterMs(circuit, T0 + 600)).toBe(20);
    circuit.claim.postpone(T0 + 900);
    expect(retryAfterMs(circuit, T0 + 600)).toBe(300);
    circuit.noteDemand(T0 + 600);
    expect(retryAfterMs(circuit, T0 + 600)).toBe(300);
    expect(retryAfterMs(circuit, T0 + 890)).toBe(20);
  });

  it('is until the node may probe alone while the store is silent', () => {
    const { circuit, knobs } = circuitOf();
    circuit.adopt(open(500), T0);
    circuit.noteDemand(T0);
    knobs.isSilent = true;

    expect(retryAfterMs(circuit, T0 + 600)).toBe(4900);
    expect(retryAfterMs(circuit, T0 + 9000)).toBe(0);
  });

  it('is unknown to whoever only observes, but for the open time', () => {
    const { circuit, member } = circuitOf({ isSilent: true });
    circuit.adopt(open(500), T0);
    member.memberRules = { ...memberRules, proposes: false };

    expect([retryAfterMs(circuit, T0 + 100), retryAfterMs(circuit, T0 + 600)]).toEqual([400, 0]);
  });
});

describe('loneTimes', () => {
  it('counts the hold-off from the end of the open time of the fleet, and none after an own one', () => {
    const { circuit } = circuitOf();
    circuit.adopt(open(500), T0);
    expect(loneTimes(circuit, memberRules)).toEqual({
      openUntil: T0 + 500,
      heardAt: T0,
      holdOffMs: 5000,
      spreadMs: 500,
    });
    circuit.settleLone({ epoch: 2, verdict: 'failure', retryAfterMs: 0 }, T0 + 6000);

    expect(loneTimes(circuit, memberRules).openUntil).toBe(T0 + 8000 - 5000);
  });

  it('spreads over the open time of the member where the ruling has none', () => {
    const { circuit } = circuitOf();
    circuit.adopt(rulingOf({ epoch: 2, state: 'half-open' }), T0);

    expect(loneTimes(circuit, memberRules).spreadMs).toBe(1000);
  });
});
