/**
 * Explanation: why a shared circuit is as it is at one node, for people.
 *
 * @module
 */

import type { SharingExplanation } from '../kernel/circuit-store.ts';
import type { NodeCircuit } from './node-circuit.ts';
import { readNoteText } from './note-text.ts';

/** Explains `circuit` as of `now`. */
export function explain(circuit: NodeCircuit, now: number): SharingExplanation {
  const { known, own, leases, view } = circuit;
  const { why, by } = known.notes;
  const isDegraded = now - view.heardAt > view.holdOffMs;
  return {
    ruling: {
      state: known.state(now),
      epoch: known.epoch,
      remainingMs: known.remainingMs(now),
      reopenings: known.reopenings,
      reason: why,
      by: by === undefined || by === '' ? [] : by.split('+').map(readNoteText),
    },
    override: own === undefined ? undefined : { state: own.state, why: own.state === 'open' ? own.reason : closedWhy },
    view: view.isFresh(now) ? 'fresh' : isDegraded ? 'degraded' : 'stale',
    leases: leases.size,
    pending: pendingOf(circuit),
  };
}

// --- internal ---

const closedWhy = 'its own probe succeeded while the store was silent, or it was reset';

function pendingOf({ ballotDueAt, seedDueAt, claim, leases }: NodeCircuit): readonly string[] {
  const wishes: readonly (readonly [boolean, string])[] = [
    [ballotDueAt < Infinity, 'to open the fleet'],
    [claim.isWanted, 'a lease for a probe'],
    [leases.reportCount > 0, 'to tell what probes came to'],
    [seedDueAt < Infinity, 'to tell the store what it lost'],
  ];
  return wishes.flatMap(([isWanted, wish]) => (isWanted ? [wish] : []));
}
