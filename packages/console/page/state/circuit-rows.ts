/**
 * Circuit rows: which circuits a table shows, and in what order.
 *
 * @module
 */

import type { Circuit, CircuitState, Ribbon, Sample } from '../api/answers.ts';
import type { ConsoleState, Heard } from './console-state.ts';
import { type Rates, ratesOf } from './rates.ts';

/** A row of the table. */
export interface CircuitRow {
  readonly circuit: Circuit;
  readonly heardAtMs: number;
  readonly ribbon: Ribbon;
  readonly rates: Rates;
}

/** Which rows are chosen. */
export interface CircuitChoice {
  /** A part of the name, of where it is, or of a state; letter case does not matter. */
  readonly text: string;
  readonly states: 'all' | 'not-closed' | 'held';
  readonly sort: CircuitSort;
  readonly isDescending: boolean;
}

/** What rows can be sorted by. */
export type CircuitSort = 'state' | 'name' | 'calls' | 'failures' | 'refused';

/** How many circuits are in each state. */
export type StateCounts = Readonly<Record<CircuitState, number>>;

/** Returns the rows that are chosen, in their order. */
export function circuitRows(state: ConsoleState, choice: CircuitChoice): readonly CircuitRow[] {
  const recent = state.samples.slice(-RECENT_SAMPLES);
  const wanted = choice.text.trim().toLowerCase();
  const rows = [...state.circuits.values()]
    .filter(({ value }) => isWanted(value, choice.states, wanted))
    .map((heard) => rowOf(state, heard, recent));
  const compare = comparisons[choice.sort];
  const direction = choice.isDescending ? -1 : 1;
  return rows.toSorted((a, b) => direction * compare(a, b) || byName(a, b));
}

/** Counts circuits by state. */
export function countStates({ circuits }: ConsoleState): StateCounts {
  const counts = { closed: 0, open: 0, 'half-open': 0, 'forced-open': 0, 'forced-closed': 0 };
  for (const { value } of circuits.values()) if (Object.hasOwn(counts, value.state)) counts[value.state]++;
  return counts;
}

// --- internal ---

/** Rates are those of the last ten samples: long enough to be calm, short enough to be news. */
const RECENT_SAMPLES = 10;

/** The worst first. */
const severity: Readonly<Record<string, number>> = {
  open: 0,
  'forced-open': 1,
  'half-open': 2,
  'forced-closed': 3,
  closed: 4,
};

const comparisons: Readonly<Record<CircuitSort, (a: CircuitRow, b: CircuitRow) => number>> = {
  state: (a, b) => (severity[a.circuit.state] ?? 5) - (severity[b.circuit.state] ?? 5),
  name: byName,
  calls: (a, b) => a.rates.callsPerSecond - b.rates.callsPerSecond,
  failures: (a, b) => a.rates.failureRatio - b.rates.failureRatio,
  refused: (a, b) => a.rates.refusedPerSecond - b.rates.refusedPerSecond,
};

function byName(a: CircuitRow, b: CircuitRow): number {
  return a.circuit.id < b.circuit.id ? -1 : Number(a.circuit.id > b.circuit.id);
}

function isWanted({ id, within = '', state }: Circuit, states: CircuitChoice['states'], wanted: string): boolean {
  if (states === 'not-closed' && state === 'closed') return false;
  if (states === 'held' && !state.startsWith('forced-')) return false;
  return wanted === '' || `${id}\n${within}\n${state}`.toLowerCase().includes(wanted);
}

function rowOf(state: ConsoleState, { value, heardAtMs }: Heard<Circuit>, recent: readonly Sample[]): CircuitRow {
  const rates = ratesOf(recent, ({ circuits }) => circuits[value.id]);
  return { circuit: value, heardAtMs, ribbon: state.ribbons.get(value.id) ?? [], rates };
}
