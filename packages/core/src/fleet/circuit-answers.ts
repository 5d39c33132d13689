/**
 * Circuit answers: what a node makes of the ledger's answer to a proposal about one circuit.
 *
 * Invariants
 *  (1) A ruling that comes with an answer is taken up first: the answer is about it.
 *  (2) A lost or refused proposal costs nothing but time: what still matters is proposed again.
 *  (3) A lease is taken only while the round that it is of is the one that the node knows; an answer about another ruling does
 *      not move the claim that is made under this one.
 *
 * @module
 */

import { leaseMs } from './circuit-proposals.ts';
import type { NodeCircuit } from './node-circuit.ts';
import type { ClaimProposal, Proposal, ReportProposal, Result } from './proposal.ts';

/** When a proposal was sent, and when its answer came. Milliseconds. */
export interface Exchange {
  readonly askedAt: number;
  readonly now: number;
}

/** Takes the answer to `proposal`. */
export function answered(circuit: NodeCircuit, proposal: Proposal, result: Result, exchange: Exchange): void {
  const { now } = exchange;
  if (proposal.kind === 'report') noteGuilt(circuit, proposal, result);
  if (result.ruling !== undefined) circuit.adopt(result.ruling, now); // (1)
  if (result.code === 'stale') return; // the node syncs; what still matters is derived again: (2)
  if (result.code === 'seed-first') circuit.seedDueAt = now;
  else heed(circuit, proposal, result, exchange);
}

/** No answer has come: it may have been done, or may be done later. */
export function lost(circuit: NodeCircuit, proposal: Proposal, now: number): void {
  const again = now + MIN_REPEAT_MS + circuit.view.random() * REPEAT_SPREAD_MS; // (2)
  if (proposal.kind === 'trip' && circuit.ballotDueAt < Infinity) circuit.ballotDueAt = again;
  if (proposal.kind === 'seed' && circuit.seedDueAt < Infinity) circuit.seedDueAt = again;
}

// --- internal ---

function heed(circuit: NodeCircuit, proposal: Proposal, result: Result, exchange: Exchange): void {
  switch (proposal.kind) {
    case 'trip':
      if (proposal.basis === circuit.known.epoch) circuit.ballotDueAt = nextBallotAt(circuit, result, exchange.now);
      break; // of another ruling the ballot that is due is another, too
    case 'claim':
      claimAnswered(circuit, proposal, result, exchange);
      break;
    case 'report':
    case 'release':
      circuit.leases.heard(proposal.lease);
      break;
    case 'seed':
      circuit.seedDueAt = Infinity;
      break;
    case 'local-close':
    case 'bell': // derived again, if it still matters
  }
}

const MIN_REPEAT_MS = 20;
const REPEAT_SPREAD_MS = 60;
const FAILED_PAUSE_MS = 1000;

/** Ballots are cast again in time, so that they stay good as long as the node is open by itself. */
const BALLOT_SHARE = 1 / 3;

function nextBallotAt({ own, view, evidenceFrom }: NodeCircuit, result: Result, now: number): number {
  if (own?.state !== 'open' || own.evidenceFrom < evidenceFrom) return Infinity; // what it rests on is forgotten
  if (result.code === 'voted') return now + view.settings.ballotTtlMs * BALLOT_SHARE;
  return result.code === 'failed' ? now + FAILED_PAUSE_MS : Infinity;
}

function noteGuilt(circuit: NodeCircuit, { succeeded }: ReportProposal, { code, ruling }: Result): void {
  if (!succeeded && code === 'done' && ruling?.state === 'open') circuit.guiltyEpoch = ruling.epoch;
}

function claimAnswered(circuit: NodeCircuit, proposal: ClaimProposal, result: Result, exchange: Exchange): void {
  const { claim, view } = circuit;
  const { now } = exchange;
  if (result.code === 'granted') take(circuit, proposal, result, exchange);
  else if (result.code === 'failed') {
    if (claim.isBy(proposal.leaseBase)) claim.postpone(now + FAILED_PAUSE_MS); // (3)
  } else if (result.code !== 'wait' || result.ruling?.epoch !== circuit.known.epoch) endOf(circuit, proposal); // (3)
  else {
    claim.postpone(now + result.forMs + 1);
    if (circuit.rules !== undefined && claim.hasDemand(now)) claim.want(() => view.newLeaseBase(), now);
  }
}

function take(
  circuit: NodeCircuit,
  proposal: ClaimProposal,
  { ruling, leases, remainingMs }: Extract<Result, { readonly code: 'granted' }>,
  { askedAt, now }: Exchange,
): void {
  const { claim, known, rules } = circuit;
  if (ruling?.epoch !== known.epoch) {
    endOf(circuit, proposal); // (3)
    return;
  }
  claim.end();
  const { leaseBase, leaseTtlMs } = proposal;
  const ttlMs = Math.min(remainingMs, rules === undefined ? leaseTtlMs : leaseMs(rules));
  const mine = leases.filter((lease) => lease.startsWith(`${leaseBase}.`));
  for (const lease of mine) circuit.leases.grant(lease, { epoch: known.epoch, askedAt, ttlMs });
  if (mine.length === 0) claim.postpone(now + MIN_REPEAT_MS);
}

/** Ends the claim that was answered; what is wanted under another ruling is another claim. */
function endOf({ claim }: NodeCircuit, { leaseBase }: ClaimProposal): void {
  if (claim.isBy(leaseBase)) claim.end();
}
