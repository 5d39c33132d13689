/**
 * Circuit samples: what the metrics of a circuit breaker are read from.
 *
 * Invariants
 *  (1) Every state, reason and pair of states has its series from birth, whether or not it has happened.
 *
 * @module
 */

import type { CircuitState, Refusal } from '../policies/circuit-breaker/circuit-breaker.ts';
import type { Sample } from './sample.ts';

/** Refused calls by reason. */
export function circuitRejections(rejections: Readonly<Record<Refusal, number>>): readonly Sample[] {
  return circuitRejectionLabels.map(({ refusal, labels }) => ({ labels, value: rejections[refusal] }));
}

/** One-hot: the state that a circuit is in. */
export function circuitStateSamples(current: CircuitState): readonly Sample[] {
  if (!Object.hasOwn(circuitStates, current)) throw new RangeError(`"${current}" is no state of a circuit`); // (1)
  return circuitStateLabels.map(({ state, labels }) => ({ labels, value: state === current ? 1 : 0 }));
}

/** Changes of state. */
export function circuitTransitions(transitions: Readonly<Record<string, number>>): readonly Sample[] {
  return circuitTransitionLabels.map(({ key, labels }) => ({ labels, value: transitions[key] ?? 0 })); // (1)
}

// --- internal ---

/** The label value of each state, from the best to the worst. */
const circuitStates: Readonly<Record<CircuitState, string>> = {
  closed: 'closed',
  'forced-closed': 'forced_closed',
  'half-open': 'half_open',
  open: 'open',
  'forced-open': 'forced_open',
};

const circuitStateNames = Object.keys(circuitStates) as readonly CircuitState[];

const circuitReasons: Readonly<Record<Refusal, string>> = {
  open: 'open',
  'half-open-full': 'half_open_full',
  'forced-open': 'forced_open',
  'ramping-up': 'ramping_up',
};

const circuitRejectionLabels = Object.entries(circuitReasons).map(([refusal, reason]) => ({
  refusal: refusal as Refusal,
  labels: { policy: 'circuit-breaker', reason },
}));

const circuitStateLabels = Object.entries(circuitStates).map(([state, label]) => ({ state, labels: { state: label } }));

/** All pairs, those of the state diagram and those that never happen: a closed set that cannot miss one. */
const circuitTransitionLabels = circuitStateNames.flatMap((from) =>
  circuitStateNames
    .filter((to) => to !== from)
    .map((to) => ({ key: `${from}->${to}`, labels: { from: circuitStates[from], to: circuitStates[to] } })),
);
