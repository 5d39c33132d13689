/**
 * Ruling: what a fleet has decided about one circuit.
 *
 * @module
 */

import type { RuledState } from '../kernel/circuit-store.ts';

/** What the fleet has ruled on one circuit, as it crosses the wire. */
export interface Ruling {
  readonly id: string;
  /** 0 where the fleet has never ruled. */
  readonly epoch: number;
  readonly state: RuledState;
  /**
   * Time left: of the open time, of a hold, or of the ramp after closing. Milliseconds; 0 or less where it is over. Of a
   * half-open circuit 0.
   */
  readonly remainingMs: number;
  /** The whole of that time, which `remainingMs` never exceeds. Milliseconds. */
  readonly spanMs: number;
  /** How often in a row the probes have failed. */
  readonly reopenings: number;
  /**
   * Of a half-open circuit: how many more probes would be granted now. A hint; when it becomes 0, or more than 0 again, the
   * ruling is told anew at the same epoch.
   */
  readonly free: number;
  /**
   * What else is to be told, by short keys; values hold letters, digits and `_.:/+%-` only. Known: `by` (nodes whose evidence led
   * to it, or the owner of a hold, joined by `+`, each as `noteText` writes it), `for` (the reason of a hold or of its end), `why` (the rule that opened it; `probes`, `lost-probes`, `held`, `released`,
   * `recovered`, `seeded`), `cf` (fingerprint of the author's rules), `hot` (milliseconds for which all nodes are asked to
   * report their windows), `lt` (of a half-open circuit: milliseconds for which a lease lives). Unknown keys are kept while the epoch stays.
   */
  readonly notes: Readonly<Record<string, string>>;
}

/** Which ruling stands above which, at equal epochs: the safer one. Two can only come from two writable masters. */
export const stateRanks: Readonly<Record<RuledState, number>> = Object.freeze({
  'forced-open': 4,
  open: 3,
  'half-open': 2,
  closed: 1,
  'forced-closed': 0,
});

/** Whether somebody holds a circuit in that state. */
export function isForced(state: RuledState): boolean {
  return state === 'forced-open' || state === 'forced-closed';
}

/** The ruling on a circuit that the fleet has never ruled on. */
export function noRuling(id: string): Ruling {
  return { id, epoch: 0, state: 'closed', remainingMs: 0, spanMs: 0, reopenings: 0, free: 0, notes: {} };
}

/** Whether `one` stands above `other`: by its epoch, and at equal epochs by its rank. */
export function standsAbove(
  one: { readonly epoch: number; readonly state: RuledState },
  other: { readonly epoch: number; readonly state: RuledState },
): boolean {
  return one.epoch === other.epoch ? stateRanks[one.state] > stateRanks[other.state] : one.epoch > other.epoch;
}
