/**
 * Holds: who holds a circuit, and where.
 *
 * @module
 */

import type { Circuit, Hold } from '../api/answers.ts';
import { countdown, isolated } from './formats.ts';

/** A hold of somebody else in the process: a controller, another endpoint. */
export type OtherHold = NonNullable<Circuit['holds']>[number];

/** Says in few words who holds a circuit, and for how long still. `elapsed` is how long ago that was told. Milliseconds. */
export function heldWords(circuit: Circuit, elapsed: number): string {
  const hold = holdInForce(circuit);
  if (hold === undefined) return `by ${otherHolds(circuit)[0]?.owner ?? 'the service'}`;
  const where = hold.scope === 'fleet' ? 'fleet, ' : '';
  return `${where}${isolated(hold.actor)}, ${countdown(hold.remainingMs - elapsed)} left`;
}

/** Returns the holds of a circuit that were set neither through this API nor for the fleet. */
export function otherHolds({ hold, holds = [] }: Circuit): readonly OtherHold[] {
  const ownReason = hold === null ? undefined : `${hold.actor}: ${hold.reason}`;
  return holds.filter(({ owner, reason }) => {
    const isOwn = owner.startsWith('console ') && reason === ownReason;
    return owner !== 'fleet' && !isOwn;
  });
}

// --- internal ---

/** Returns the hold that makes a circuit what it is, that of the fleet first; undefined where it is by others, or not held. */
function holdInForce({ state, hold, fleetHold }: Circuit): Hold | undefined {
  return [fleetHold, hold].find((one) => one !== null && `forced-${one.state}` === state) ?? undefined;
}
