/**
 * Disagreement: members of a fleet that decide by other rules than whoever opened their circuit.
 *
 * @module
 */

import type { CircuitMember } from '../kernel/circuit-store.ts';
import type { KnownRuling } from './known-ruling.ts';
import type { NodeView } from './node-settings.ts';

/** What is compared. */
export interface ComparedCircuit {
  readonly known: KnownRuling;
  readonly members: Iterable<CircuitMember>;
  readonly view: NodeView;
}

/** Tells of each member whose rules are not those of the author of the ruling. */
export function lookForDisagreement({ known, members, view }: ComparedCircuit): void {
  const { cf, by } = known.notes;
  if (cf === undefined) return;
  for (const member of members) {
    if (member.memberRules.fingerprint !== cf) view.disagrees(member.name, by ?? '');
  }
}
