/**
 * Circuit entry: what a circuit by itself can be in, and what comes with entering it.
 *
 * @module
 */

import type { SharedCircuit, SharingExplanation } from '../../kernel/circuit-store.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';
import type { Ramp } from './ramp.ts';

/** What a circuit by itself can be in. */
export type MachineState = 'closed' | 'open' | 'half-open';

/** An open time. Milliseconds. */
export interface Opening {
  readonly until: number;
}

/** What comes with a state: an open one has an opening, a closed one may have a ramp. */
export interface StateEntry {
  readonly opening?: Opening | undefined;
  readonly ramp?: Ramp | undefined;
}

/** What a shared circuit is to become. */
export interface Following extends StateEntry {
  readonly phase: MachineState;
  /** Whether what was seen so far counts no longer. */
  readonly isNew: boolean;
  readonly reopenings: number;
}

/** The fleet, as a circuit sees it that is shared. Nothing here throws. */
export interface FleetSide extends Omit<SharedCircuit, 'explain'> {
  explain(): SharingExplanation | undefined;
}

/** What a circuit takes up that was saved. */
export interface SavedCircuit {
  readonly window: OutcomeWindow | undefined;
  readonly openUntil: number | undefined;
  readonly reopenings: number;
}
