import { describe, expect, it } from 'vitest';

import type { Action, Circuit, CircuitState, LiveEvent, Sample } from '../api/answers.ts';
import { applied, emptyState, loaded } from './console-state.ts';

function circuit(id: string): Circuit {
  const holds = { scopes: ['process'], hold: null, fleetHold: null } as const;
  return { id, policyId: `circuit-breaker/${id}`, name: id, state: 'closed', enforcement: 'enforce', ...holds };
}

function sample(atMs: number): Sample {
  return { atMs, spanMs: 1000, level: 0, circuits: {}, pipelines: {}, latencies: {} };
}

function action(id: string, more: Partial<Action> = {}): Action {
  const what = { kind: 'circuit.held', target: 'a', before: null, after: null, actor: 'alice', reason: 'INC' };
  return { id, at: '', ...what, role: 'operator', isUndoable: true, ...more };
}

function turn(id: string, to: CircuitState, atMs: number): LiveEvent {
  return { type: 'circuit', data: { id, name: id, from: 'closed', to, hold: null, fleetHold: null, atMs } };
}

const start = loaded(
  emptyState,
  {
    index: { service: 'shop', role: 'operator', nowMs: 5000, sampleMs: 1000 },
    circuits: [circuit('a'), circuit('b')],
    features: [],
    level: { level: 0, reason: '' },
    pipelines: [],
    entries: [],
    actions: [action('1')],
    history: {
      nowMs: 5000,
      sampleMs: 1000,
      circuits: { a: [[4000, 'closed']], b: [[4000, 'closed']] },
      level: [],
      samples: [sample(4500)],
    },
  },
  2000,
);

describe('applied', () => {
  it('moves a circuit, and draws its ribbon on; a hold ends with it', () => {
    const state = applied(start, [turn('a', 'open', 5100), turn('a', 'half-open', 5200)], 2200);

    expect(state.circuits.get('a')).toMatchObject({ value: { state: 'half-open', hold: null }, heardAtMs: 2200 });
    expect(state.ribbons.get('a')).toEqual([
      [4000, 'closed'],
      [5100, 'open'],
      [5200, 'half-open'],
    ]);
    expect(state.aheadMs).toBe(3000);
  });

  it('(1) copies only the lists that events touch, and never changes a state that it was given', () => {
    const before = structuredClone([...start.circuits]);
    const state = applied(start, [{ type: 'sample', data: sample(5500) }], 2200);

    expect([state.circuits === start.circuits, state.ribbons === start.ribbons]).toEqual([true, true]);
    applied(start, [turn('a', 'open', 5100), turn('b', 'open', 5100)], 2200);
    expect([...start.circuits]).toEqual(before);
  });

  it('(2) changes nothing more by events that it knows already', () => {
    const events: readonly LiveEvent[] = [
      turn('a', 'open', 5100),
      { type: 'sample', data: sample(5500) },
      { type: 'action', data: action('2', { undoes: '1' }) },
      { type: 'level', data: { level: 1, reason: 'busy', atMs: 5400 } },
    ];
    const once = applied(start, events, 2200);

    expect(applied(once, events, 2200)).toEqual(once);
    expect(once.actions.map(({ id, isUndoable }) => [id, isUndoable])).toEqual([
      ['1', false],
      ['2', true],
    ]);
  });

  it('(3) keeps the last 120 samples, 256 changes of a circuit and 1000 actions', () => {
    const events = Array.from({ length: 1500 }, (_, index): readonly LiveEvent[] => [
      { type: 'sample', data: sample(5000 + index) },
      turn('a', index % 2 === 0 ? 'open' : 'closed', 5000 + index),
      { type: 'action', data: action(`n${index}`) },
    ]).flat();
    const state = applied(start, events, 2200);

    expect([state.samples.length, state.ribbons.get('a')?.length, state.actions.length]).toEqual([120, 256, 1000]);
    expect(state.samples.at(-1)?.atMs).toBe(6499);
  });

  it('passes over circuits that it does not know, and events that are new to it', () => {
    const strange = { type: 'weather', data: {} } as unknown as LiveEvent;

    expect(applied(start, [turn('c', 'open', 5100), strange], 2200)).toEqual(start);
  });
});
