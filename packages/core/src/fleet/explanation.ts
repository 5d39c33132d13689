/**
 * Explanation: why a shared circuit is as it is at one node, for people.
 *
 * @module
 */

import type { ExplainedRuling, SharingExplanation } from '../kernel/circuit-store.ts';
import type { NodeCircuit } from './node-circuit.ts';
import { readNoteText } from './note-text.ts';
import type { OwnView } from './own-view.ts';
import type { Ruling } from './ruling.ts';

/** Explains `circuit` as of `now`. */
export function explain(circuit: NodeCircuit, now: number): SharingExplanation {
  const { known, own, leases, members, view } = circuit;
  const isDegraded = now - view.heardAt > view.holdOffMs;
  return {
    ruling: { ...explainRuling(known.toRuling(now)), state: known.state(now) },
    override: own === undefined ? undefined : { state: own.state, why: whyOf(own) },
    view: view.isFresh(now) ? 'fresh' : isDegraded ? 'degraded' : 'stale',
    members: members.size,
    leases: leases.size,
    pending: pendingOf(circuit, now),
  };
}

/** Explains a ruling that has just arrived. */
export function explainRuling({ state, epoch, remainingMs, reopenings, notes }: Ruling): ExplainedRuling {
  const { why, by, for: note } = notes;
  return {
    state,
    epoch,
    remainingMs: Math.max(0, remainingMs),
    reopenings,
    reason: why,
    by: by === undefined || by === '' ? [] : by.split('+').map(readNoteText),
    note: note === undefined || note === '' ? undefined : readNoteText(note),
  };
}

// --- internal ---

function whyOf(own: OwnView): string {
  if (own.state === 'open') return own.reason;
  return own.successes > 0 ? 'lone-probe' : 'reset';
}

function pendingOf({ ballotDueAt, seedDueAt, claim, leases }: NodeCircuit, now: number): readonly string[] {
  const wishes: readonly (readonly [boolean, string])[] = [
    [ballotDueAt < Infinity, 'to open the fleet'],
    [claim.isWanted && claim.dueAt <= now, 'a lease for a probe'],
    [leases.reportCount > 0, 'to tell what probes came to'],
    [seedDueAt < Infinity, 'to tell the store what it lost'],
  ];
  return wishes.flatMap(([isWanted, wish]) => (isWanted ? [wish] : []));
}
