/**
 * Circuit proposals: what a node asks of the fleet about one circuit, derived from what it knows. Nothing is queued: what was
 * lost is derived again, and what has become pointless is not.
 *
 * Invariants
 *  (1) No proposal is made before it is due, nor a ballot after the own open time, nor any by members that only observe.
 *  (2) A ruling that the ledger has lost is told before anything that is based on it.
 *
 * @module
 */

import { type MemberRules } from '../kernel/circuit-store.ts';
import { MAX_LEASE_MS } from './ledger.ts';
import type { NodeCircuit } from './node-circuit.ts';
import { quorumOf } from './node-settings.ts';
import type { ClaimProposal, LocalCloseProposal, Proposal, ReopenRules, RoundRules, TripProposal } from './proposal.ts';

/** What `circuit` proposes at `now`. */
export function proposalsOf(circuit: NodeCircuit, now: number): readonly Proposal[] {
  const { id, known, leases, rules } = circuit;
  const basis = known.epoch;
  if (circuit.seedDueAt <= now) {
    return [{ kind: 'seed', id, basis, ruling: known.toRuling(now), leaseTtlMs: longestLeaseOf(circuit, now) }]; // (2)
  }
  leases.giveBack(now);
  const reports = leases.toTell(now).map(({ lease, verdict, retryAfterMs }): Proposal => {
    const base = { id, basis: lease.epoch, lease: lease.id };
    if (verdict === 'ignored' || rules === undefined) return { kind: 'release', ...base };
    const succeeded = verdict === 'success';
    return { kind: 'report', ...base, ...reopenRules(rules), succeeded, retryAfterMs, rampMs: rules.rampUpMs };
  });
  if (rules?.proposes !== true) {
    circuit.wantNothing();
    return reports;
  }
  const further = ballot(circuit, rules, now) ?? claimOf(circuit, rules, now);
  return further === undefined ? reports : [...reports, further];
}

/** What tells the fleet that this node has closed the circuit by itself, if it has and knows enough. */
export function localCloseOf(circuit: NodeCircuit, now: number): LocalCloseProposal | undefined {
  const { id, own, known, rules } = circuit;
  if (own?.state !== 'closed' || rules === undefined || !rules.proposes) return undefined;
  if (known.state(now) !== 'open' || known.remainingMs(now) > 0) return undefined;
  let { successes } = own;
  for (const member of circuit.members) successes += member.tally().successes;
  const { neededSuccesses, rampUpMs } = rules;
  if (successes < neededSuccesses) return undefined;
  const evidenceAgeMs = now - own.at;
  return {
    kind: 'local-close',
    id,
    basis: known.epoch,
    evidenceAgeMs,
    successes,
    neededSuccesses,
    rampMs: rampUpMs,
  };
}

/** How the ledger lengthens the open time. */
export function reopenRules({ openForMs, openBackoffRatio, maxOpenForMs }: MemberRules): ReopenRules {
  return { openMs: openForMs, backoffRatio: openBackoffRatio, maxOpenMs: maxOpenForMs };
}

/** Time for which a node asks a lease. Milliseconds. */
export function leaseMs({ probeLeaseMs }: MemberRules): number {
  return Math.min(probeLeaseMs, MAX_LEASE_MS);
}

/**
 * The longest lease of which a node knows that it may be out: so long a ledger that begins anew grants none. A process that has
 * only just started, or whose circuits are at rest, knows of none: those that have one say so themselves. Milliseconds.
 */
export function longestLeaseMs(circuits: Iterable<NodeCircuit>, now: number): number {
  let longest = 0;
  for (const circuit of circuits) longest = Math.max(longest, longestLeaseOf(circuit, now));
  return longest;
}

// --- internal ---

/** The longest that a lease of a circuit may live, as its members have it and the round that stands. Milliseconds. */
function longestLeaseOf({ rules, known, leases }: NodeCircuit, now: number): number {
  const own = rules === undefined ? 0 : leaseMs(rules);
  const told = Number(known.notes['lt']);
  if (told > 0) return Math.max(own, Math.min(told, MAX_LEASE_MS));
  const isOut = known.state(now) === 'half-open' || leases.size > 0;
  return rules === undefined && isOut ? MAX_LEASE_MS : own;
}

function ballot(circuit: NodeCircuit, rules: MemberRules, now: number): TripProposal | undefined {
  const { id, own, known, view } = circuit;
  if (circuit.ballotDueAt > now) return undefined; // (1)
  if (own?.state !== 'open' || own.until <= now) {
    circuit.ballotDueAt = Infinity;
    return undefined; // its own probes find out what is true by now
  }
  const { ballotTtlMs } = view.settings;
  return {
    kind: 'trip',
    id,
    basis: known.epoch,
    ...reopenRules(rules),
    openForMs: own.openForMs,
    evidenceAgeMs: now - own.evidenceFrom,
    maxEvidenceMs: rules.evidenceSpanMs + (now - own.at) + EVIDENCE_SLACK_MS,
    quorum: quorumOf(view.settings, view.fleetSize),
    ballotTtlMs,
    why: own.reason,
    fingerprint: rules.fingerprint,
  };
}

function claimOf(circuit: NodeCircuit, rules: MemberRules, now: number): ClaimProposal | undefined {
  const { id, known, claim, view } = circuit;
  const leaseBase = claim.ask(now); // (1)
  if (leaseBase === undefined) return undefined;
  return {
    kind: 'claim',
    id,
    basis: known.epoch,
    ...reopenRules(rules),
    want: 1,
    leaseTtlMs: leaseMs(rules),
    leaseBase,
    round: roundRules(rules, view.fleetSize, view.settings.maxLostProbes),
  };
}

function roundRules({ maxProbes, neededSuccesses }: MemberRules, fleetSize: number, maxLost: number): RoundRules {
  const neededFailures = maxProbes - neededSuccesses + 1;
  const maxPerNode = fleetSize > maxProbes ? 1 : MANY;
  return { maxProbes, neededSuccesses, neededFailures, maxLost, maxPerNode };
}

/** Stands for no bound where a number has to be sent. */
const MANY = 1_000_000;

/** Time that evidence may be older than the window: its oldest bucket is forgotten as a whole. Milliseconds. */
const EVIDENCE_SLACK_MS = 1000;
