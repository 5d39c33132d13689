import { describe, expect, it } from 'vitest';

import type { Circuit, CircuitState } from '../api/answers.ts';
import { type CircuitChoice, circuitRows, countStates } from './circuit-rows.ts';
import { emptyState } from './console-state.ts';

const states: Readonly<Record<string, CircuitState>> = {
  payments: 'closed',
  prices: 'open',
  search: 'half-open',
  stock: 'forced-open',
};

const state = {
  ...emptyState,
  circuits: new Map(
    Object.entries(states).map(([id, now]) => {
      const within = id === 'stock' ? 'pipeline/warehouse' : undefined;
      const value: Circuit = {
        id,
        policyId: id,
        name: id,
        state: now,
        enforcement: 'enforce',
        scopes: ['process'],
        hold: null,
        fleetHold: null,
        ...(within !== undefined && { within }),
      };
      return [id, { value, heardAtMs: 0 }];
    }),
  ),
  samples: [
    {
      atMs: 1,
      spanMs: 1000,
      level: 0,
      circuits: { prices: [5, 5, 0, 20], payments: [40, 0, 0, 0] },
      pipelines: {},
      latencies: {},
    },
  ],
};

const all: CircuitChoice = { text: '', states: 'all', sort: 'state', isDescending: false };
const idsOf = (choice: Partial<CircuitChoice>) =>
  circuitRows(state, { ...all, ...choice }).map(({ circuit }) => circuit.id);

describe('circuitRows', () => {
  it('puts the worst first', () => {
    expect(idsOf({})).toEqual(['prices', 'stock', 'search', 'payments']);
    expect(idsOf({ isDescending: true })).toEqual(['payments', 'search', 'stock', 'prices']);
  });

  it('sorts by rates, and what is equal by name', () => {
    expect(idsOf({ sort: 'calls', isDescending: true })).toEqual(['payments', 'prices', 'search', 'stock']);
    expect(idsOf({ sort: 'failures', isDescending: true })[0]).toBe('prices');
    expect(idsOf({ sort: 'refused', isDescending: true })[0]).toBe('prices');
    expect(idsOf({ sort: 'name' })).toEqual(['payments', 'prices', 'search', 'stock']);
  });

  it.each([
    [{ text: ' PR ' }, ['prices']],
    [{ text: 'warehouse' }, ['stock']],
    [{ text: 'half' }, ['search']],
    [{ text: '<b>' }, []],
    [{ states: 'not-closed' }, ['prices', 'stock', 'search']],
    [{ states: 'held' }, ['stock']],
  ] as const)('shows those of %j', (choice, ids) => {
    expect(idsOf(choice)).toEqual(ids);
  });

  it('says how many calls ran per second, and which share of them failed', () => {
    const row = circuitRows(state, { ...all, text: 'prices' })[0];

    expect(row?.rates).toEqual({ calls: 10, callsPerSecond: 10, refusedPerSecond: 20, failureRatio: 0.5 });
  });
});

describe('countStates', () => {
  it('counts circuits by state', () => {
    expect(countStates(state)).toEqual({ closed: 1, open: 1, 'half-open': 1, 'forced-open': 1, 'forced-closed': 0 });
  });
});
