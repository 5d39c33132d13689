/**
 * Followed state: what the members of a shared circuit are to be at one node, by the fleet's ruling and the node's own view.
 *
 * @module
 */

import type { CircuitMember, FollowedState, MemberRules } from '../kernel/circuit-store.ts';
import type { KnownRuling } from './known-ruling.ts';
import { readNoteText } from './note-text.ts';
import type { OwnClosing, OwnView } from './own-view.ts';
import { isForced } from './ruling.ts';

/** A shared circuit at one node, as far as its members follow it. */
export interface RuledCircuit {
  readonly known: KnownRuling;
  readonly own: OwnView | undefined;
  readonly reopenings: number;
}

/** What `member` is to be. A hold of the fleet stands above the own view, and that above any other ruling. */
export function followedState(
  { known, own, reopenings }: RuledCircuit,
  { memberRules }: Pick<CircuitMember, 'memberRules'>,
  { now, isNew }: { readonly now: number; readonly isNew: boolean },
): FollowedState {
  const state = known.state(now);
  const base = { reopenings, isNew, owner: undefined };
  if (own !== undefined && !isForced(state)) return { ...base, ...ownState(own, memberRules, now) };
  const { why, by = '', for: reason = '' } = known.notes;
  const remainingMs = Math.max(0, known.remainingMs(now));
  if (!isForced(state)) return { ...base, state, remainingMs, reason: why };
  return { ...base, state, remainingMs, reason: readNoteText(reason), owner: readNoteText(by) };
}

// --- internal ---

function ownState(
  own: OwnView,
  rules: MemberRules,
  now: number,
): Pick<FollowedState, 'state' | 'remainingMs' | 'reason'> {
  return own.state === 'open'
    ? { state: 'open', remainingMs: Math.max(0, own.until - now), reason: own.reason }
    : { state: 'closed', remainingMs: rampLeftMs(own, rules, now), reason: undefined };
}

/** What is left of the ramp after a node has closed by its own probe; one that was closed by hand has none. */
function rampLeftMs({ at, successes }: OwnClosing, { rampUpMs }: MemberRules, now: number): number {
  return successes > 0 ? Math.max(0, at + rampUpMs - now) : 0;
}
