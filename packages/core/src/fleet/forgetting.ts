/**
 * Forgetting: when a node may forget a shared circuit that nobody uses here.
 *
 * @module
 */

import type { NodeCircuit } from './node-circuit.ts';

/** Whether `circuit` has no members and nothing to say, and is closed, or of a ruling that is long over. */
export function isForgettable(circuit: NodeCircuit, now: number): boolean {
  if (circuit.members.size > 0 || circuit.dueAt() < Infinity) return false;
  return circuit.known.state(now) === 'closed' || circuit.known.remainingMs(now) < -FORGET_AFTER_MS;
}

// --- internal ---

/** Time after which a ruling that nobody here uses is forgotten. Milliseconds: a day. */
const FORGET_AFTER_MS = 86_400_000;
