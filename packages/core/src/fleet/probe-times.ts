/**
 * Probe times: when a node may probe a shared circuit, with a lease or alone, and when a call that was refused may try again.
 * Pure.
 *
 * @module
 */

import type { MemberRules } from '../kernel/circuit-store.ts';
import type { Claim } from './claim.ts';
import type { KnownRuling } from './known-ruling.ts';
import { MAX_LEASE_MS } from './ledger.ts';
import type { LoneProbe, LoneProbeTimes } from './lone-probe.ts';
import type { NodeView } from './node-settings.ts';
import type { OwnView } from './own-view.ts';
import { isForced } from './ruling.ts';

/** A shared circuit at one node, as far as its probes depend on it. */
export interface ProbedCircuit {
  readonly known: KnownRuling;
  readonly own: OwnView | undefined;
  readonly view: NodeView;
  readonly rules: MemberRules | undefined;
  readonly claim: Claim;
  readonly lone: LoneProbe;
  /** The epoch of the opening that a probe of this node led to. */
  readonly guiltyEpoch: number;
}

/** End of the open time, or of the hold, that the node goes by; -Infinity where there is none. Milliseconds. */
export function openUntil({ known, own }: Pick<ProbedCircuit, 'known' | 'own'>, now: number): number {
  const state = known.state(now);
  if (own?.state === 'open' && !isForced(state)) return own.until;
  return state === 'open' || state === 'forced-open' ? known.until : Number.NEGATIVE_INFINITY;
}

/** What lone probes go by. */
export function loneTimes({ known, own, view }: ProbedCircuit, { openForMs }: MemberRules): LoneProbeTimes {
  const { holdOffMs, heardAt } = view;
  const until = own?.state === 'open' ? own.until - holdOffMs : known.until; // an own open time needs no hold-off
  return { openUntil: until, heardAt, holdOffMs, spreadMs: known.spanMs > 0 ? known.spanMs : openForMs };
}

/** Milliseconds until a call that was refused a probe has a chance; 0 where nobody knows. */
export function retryAfterMs(circuit: ProbedCircuit, now: number): number {
  const { claim, lone, rules, view } = circuit;
  const openMs = Math.max(0, openUntil(circuit, now) - now);
  if (rules?.proposes !== true) return openMs;
  if (!view.isFresh(now)) return Math.max(openMs, lone.startsAt(loneTimes(circuit, rules)) - now);
  return Math.max(openMs, claim.isWanted ? Math.max(CLAIM_MS, claim.dueAt - now) : claim.waitMs(now));
}

/** Time by which a node whose probe failed lets others go first, where there are enough of them. Milliseconds. */
export function penaltyMs({ rules, guiltyEpoch, known, view }: ProbedCircuit): number {
  if (rules === undefined || guiltyEpoch !== known.epoch || view.fleetSize <= rules.maxProbes) return 0;
  return Math.min(rules.probeLeaseMs, MAX_PENALTY_MS);
}

/** Asks for no lease where all are out, until one may have run out; and asks again as soon as one is free. */
export function heedFree({ claim, known, rules }: ProbedCircuit, now: number): void {
  if (known.state(now) !== 'half-open' || rules === undefined) return;
  if (known.free > 0) claim.forget();
  else claim.postpone(now + Math.min(rules.probeLeaseMs, MAX_LEASE_MS));
}

// --- internal ---

/** About the time that a claim takes. Milliseconds. */
const CLAIM_MS = 20;

/** The longest time that a node whose probe failed lets others go first. Milliseconds. */
const MAX_PENALTY_MS = 2000;
