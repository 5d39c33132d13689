/**
 * Holders: who holds a circuit, and where, in words.
 *
 * @module
 */

import { plainText, plainTime } from './text-table.ts';

/** What the API shows of a circuit, as far as it is read here. */
type ShownCircuit = Readonly<Record<string, unknown>>;

/** Who holds a circuit, and where. */
export interface Holder {
  readonly scope: 'process' | 'fleet';
  readonly state: string;
  readonly actor: string;
  readonly reason: string;
  readonly remainingMs: number;
}

/** Returns the holds of a circuit: that of the fleet first, as others hear of that, too. */
export function holdersOf({ fleetHold, hold }: ShownCircuit): readonly Holder[] {
  return [fleetHold, hold].filter((one): one is Holder => typeof one === 'object' && one !== null);
}

/** Returns the hold that makes a circuit what it is: an open one is stronger than a closed one. */
export function holderInForce(circuit: ShownCircuit): Holder | undefined {
  return holdersOf(circuit).find(({ state }) => `forced-${state}` === circuit['state']);
}

/** Says where something is held, with how many processes there are: `in the whole fleet (20 processes)`. */
export function placeWords({ scope, nodes }: ShownCircuit): string {
  if (scope !== 'fleet') return 'in this process';
  return typeof nodes === 'number' ? `in the whole fleet (${plainText(nodes)} processes)` : 'in the whole fleet';
}

/** Says who holds where: `by alice: INC-4711, in the whole fleet, for 10 min`. */
export function holderWords({ scope, actor, reason, remainingMs }: Holder): string {
  return `by ${plainText(actor)}: ${plainText(reason)}, ${placeWords({ scope })}, for ${plainTime(remainingMs)}`;
}
