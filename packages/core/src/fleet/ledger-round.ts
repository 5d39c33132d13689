/**
 * Ledger round: a half-open round: who may probe, and what the probes come to.
 *
 *   claimed ─► out ─┬─ reported ─► success or failure ─┐
 *                   ├─ released ────────────────────────┼─► done: the name never comes back
 *                   └─ time over ─► lost ───────────────┘
 *
 * Invariants
 *  (1) Never more than K leases are out, and never more than S + F - 1 are out or have been reported.
 *  (2) A name is granted once: asking again gives the same lease while it is out, and nothing after that.
 *  (3) A node has no more than its share of a round's leases, unless nobody else has taken one for the time of a lease.
 *  (4) A lease that was reported, released or lost changes nothing any more.
 *
 * @module
 */

import type { Round } from './ledger-shard.ts';
import { MAX_LEASE_MS } from './ledger.ts';
import { ceilMs, wholeMs } from './ledger-turn.ts';
import type { ClaimProposal } from './proposal.ts';

/** Leases that one claim can ask for. */
const MAX_WANT = 1000;

/** Time for which leases of a round live that `claim` begins. Milliseconds. */
export function leaseOf({ leaseTtlMs }: ClaimProposal): number {
  return Math.max(1, wholeMs(leaseTtlMs, MAX_LEASE_MS));
}

/** Begins a round by the rules of whoever claims first. */
export function beginRound(claim: ClaimProposal, epoch: number, parent: number): Round {
  const { maxProbes, neededSuccesses, neededFailures, maxLost, maxPerNode } = claim.round;
  return {
    epoch,
    parent,
    rules: {
      maxProbes: Math.max(1, maxProbes),
      neededSuccesses: Math.max(1, neededSuccesses),
      neededFailures: Math.max(1, neededFailures),
      maxLost: Math.max(0, maxLost),
      maxPerNode: Math.max(1, maxPerNode),
    },
    leaseMs: leaseOf(claim),
    successes: 0,
    failures: 0,
    lost: 0,
    grantedUs: 0,
    leases: new Map(),
    done: new Set(),
    perNode: new Map(),
  };
}

/** Counts the leases whose time is over as lost. */
export function reap(round: Round, nowUs: number): void {
  const latestUs = nowUs + round.leaseMs * 1000;
  round.grantedUs = Math.min(round.grantedUs, nowUs); // the ledger's clock may have stepped back
  for (const [name, lease] of round.leases) {
    lease.expiresUs = Math.min(lease.expiresUs, latestUs);
    if (lease.expiresUs > nowUs) continue;
    round.lost++;
    end(round, name); // (4)
    giveBack(round, lease.node);
  }
}

/** What a claim is answered. */
export type Grant =
  | { readonly leases: readonly string[]; readonly remainingMs: number }
  | { readonly leases: readonly []; readonly waitMs: number };

/** Grants what may be granted of a claim. Lost leases must have been reaped. */
export function grant(round: Round, claim: ClaimProposal, node: string, nowUs: number): Grant {
  const leases: string[] = [];
  let firstUs = Infinity;
  for (let number = 1; number <= Math.min(claim.want, MAX_WANT); number++) {
    const name = `${claim.leaseBase}.${number}`;
    if (!round.leases.has(name) && !issue(round, { name, node, nowUs })) continue;
    leases.push(name);
    firstUs = Math.min(firstUs, round.leases.get(name)?.expiresUs ?? 0);
  }
  if (leases.length > 0) return { leases, remainingMs: Math.floor((firstUs - nowUs) / 1000) };
  return { leases: [], waitMs: ceilMs(waitUs(round, node, nowUs)) };
}

/** Takes a lease out of the round, and says whose it was; undefined where it is not out, or its time is over. */
export function takeLease(round: Round, name: string, nowUs: number): string | undefined {
  const lease = round.leases.get(name);
  if (lease === undefined || lease.expiresUs <= nowUs) return undefined;
  end(round, name);
  return lease.node;
}

/** Says that a lease of `node` came to nothing: it may have another. */
export function giveBack(round: Round, node: string): void {
  round.perNode.set(node, (round.perNode.get(node) ?? 0) - 1);
}

/** How many more leases would be granted now. */
export function freeLeases({ rules, leases, successes, failures }: Round): number {
  const { maxProbes, neededSuccesses, neededFailures } = rules;
  const budget = neededSuccesses + neededFailures - 1 - successes - failures;
  return Math.max(0, Math.min(maxProbes, budget) - leases.size); // (1)
}

// --- internal ---

function issue(round: Round, { name, node, nowUs }: { name: string; node: string; nowUs: number }): boolean {
  if (round.done.has(name) || freeLeases(round) === 0 || hasItsShare(round, node, nowUs)) return false; // (1) (2) (3)
  round.leases.set(name, { node, expiresUs: nowUs + round.leaseMs * 1000 });
  round.perNode.set(node, (round.perNode.get(node) ?? 0) + 1);
  round.grantedUs = nowUs;
  return true;
}

function hasItsShare(round: Round, node: string, nowUs: number): boolean {
  return (round.perNode.get(node) ?? 0) >= round.rules.maxPerNode && nowUs < shareEndUs(round);
}

/** From when on a node may have more than its share. */
function shareEndUs({ grantedUs, leaseMs }: Round): number {
  return grantedUs + leaseMs * 1000;
}

function end(round: Round, name: string): void {
  round.leases.delete(name);
  round.done.add(name);
}

function waitUs(round: Round, node: string, nowUs: number): number {
  const ends = [...round.leases.values()].map((lease) => lease.expiresUs - nowUs);
  if (hasItsShare(round, node, nowUs)) ends.push(shareEndUs(round) - nowUs);
  return ends.length === 0 ? 0 : Math.min(...ends);
}
