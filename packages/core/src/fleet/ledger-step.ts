/**
 * Ledger step: what becomes of a proposal.
 *
 * Invariants
 *  (1) A proposal that is based on another epoch than the circuit's changes nothing, but for what the ledger itself has lost.
 *  (2) Nothing that rests on what a node has seen is taken without a good ticket.
 *  (3) A closed circuit opens only by evidence from after its ruling that is not too old, from a quorum of nodes.
 *  (4) A half-open circuit closes only by enough successes with leases of its round, and opens by enough failures or too
 *      many lost leases.
 *  (5) No lease is granted before the open time is over, nor while leases of an incarnation or of a round before may live.
 *  (6) A proposal that is repeated makes no second transition, grants no second lease and counts no second time.
 *
 * @module
 */

import { beginRound, freeLeases, giveBack, grant, leaseOf, reap, takeLease } from './ledger-round.ts';
import type { Entry, Round } from './ledger-shard.ts';
import { MAX_LEASE_MS } from './ledger.ts';
import { type LedgerTurn, MAX_EPOCH, MAX_SPAN_MS, ceilMs, wholeMs } from './ledger-turn.ts';
import { noteText } from './note-text.ts';
import type {
  Answer,
  BellProposal,
  ClaimProposal,
  LocalCloseProposal,
  Proposal,
  ReleaseProposal,
  ReopenRules,
  ReportProposal,
  Result,
  SeedProposal,
  TripProposal,
} from './proposal.ts';

/** Who proposes: its name, and whether its ticket is good. */
export interface Proposer {
  readonly node: string;
  readonly hasTicket: boolean;
}

/** Takes one proposal, and says what became of it. */
export function propose(turn: LedgerTurn, proposal: Proposal, proposer: Proposer): Result {
  if (!(proposal.basis >= 0 && proposal.basis <= MAX_EPOCH)) return { code: 'failed', message: 'no epoch' };
  const answer = answerTo(turn, proposal, proposer);
  if (answer.code === 'stale' || answer.code === 'failed') return answer;
  return { ...answer, ruling: turn.ruling(proposal.id) };
}

/** The notes that are not empty. */
export function notesOf(notes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(notes).filter(([, value]) => value !== ''));
}

/** The nodes behind a ruling, as its note says it: not all of a large fleet. */
export function namesNote(nodes: readonly string[]): string {
  return nodes.slice(0, MAX_NAMES).join('+');
}

/** An open time of so many milliseconds. */
export function openFor({ nowUs }: LedgerTurn, openMs: number): { readonly untilUs: number; readonly spanMs: number } {
  const spanMs = wholeMs(openMs, MAX_SPAN_MS);
  return { untilUs: nowUs + spanMs * 1000, spanMs };
}

// --- internal ---

const MAX_NAMES = 8;

function answerTo(turn: LedgerTurn, proposal: Proposal, proposer: Proposer): Answer {
  if (proposal.kind === 'report' || proposal.kind === 'release') return settle(turn, proposal);
  if (!proposer.hasTicket) return { code: 'stale' }; // (2)
  if (proposal.kind === 'seed') return seed(turn, proposal);
  return fence(turn, proposal) ?? decide(turn, proposal, proposer.node);
}

type FencedProposal = TripProposal | ClaimProposal | LocalCloseProposal | BellProposal;

/** The answer to what is based on another epoch than the circuit's: (1). */
function fence(turn: LedgerTurn, proposal: FencedProposal): Answer | undefined {
  const entry = turn.entry(proposal.id);
  if (proposal.basis < entry.epoch && !growsFrom(turn, entry, proposal)) return { code: 'fenced' };
  return proposal.basis > entry.epoch && proposal.kind !== 'trip' ? { code: 'seed-first' } : undefined;
}

function decide(turn: LedgerTurn, proposal: FencedProposal, node: string): Answer {
  switch (proposal.kind) {
    case 'trip':
      return trip(turn, proposal, node);
    case 'claim':
      return claim(turn, proposal, node);
    case 'local-close':
      return closeLocally(turn, proposal, node);
    case 'bell':
      return ring(turn, proposal);
    default:
      return { code: 'failed', message: 'no such proposal' };
  }
}

/** Whether it is a claim on the round that has grown from the ruling that it is based on. */
function growsFrom(turn: LedgerTurn, entry: Entry, { id, kind, basis }: Proposal): boolean {
  return kind === 'claim' && roundOf(turn, id, entry)?.parent === basis;
}

function roundOf({ shard }: LedgerTurn, id: string, { state, epoch }: Entry): Round | undefined {
  const round = shard.rounds.get(id);
  return state === 'half-open' && round?.epoch === epoch ? round : undefined;
}

// ----- trip -----

function trip(turn: LedgerTurn, proposal: TripProposal, node: string): Answer {
  const { id, basis, evidenceAgeMs, maxEvidenceMs, quorum } = proposal;
  const entry = turn.entry(id);
  if (basis === entry.epoch && entry.state !== 'closed') return { code: 'already' };
  const ageMs = Math.max(0, evidenceAgeMs);
  if (turn.nowUs - ageMs * 1000 < basis || ageMs > maxEvidenceMs) return { code: 'old-evidence' }; // (3)
  const voters = quorum > 1 ? vote(turn, proposal, node) : [noteText(node)];
  if (voters.length < quorum) return { code: 'voted', ballots: voters.length };
  const notes = notesOf({ by: namesNote(voters), why: noteText(proposal.why), cf: noteText(proposal.fingerprint) });
  turn.rule(id, basis, { state: 'open', ...openFor(turn, proposal.openForMs), notes });
  return { code: 'done' };
}

/** Notes the ballot of a node, and returns the nodes whose ballots at this epoch are good. */
function vote(turn: LedgerTurn, { id, basis, ballotTtlMs }: TripProposal, node: string): string[] {
  const { shard, nowUs } = turn;
  const lastUs = nowUs + wholeMs(ballotTtlMs, MAX_SPAN_MS) * 1000;
  const live = [...(shard.ballots.get(id) ?? [])].filter(([, expiresUs]) => expiresUs > nowUs);
  const ballots = new Map(live).set(`${basis} ${noteText(node)}`, lastUs);
  shard.ballots.set(id, ballots);
  const prefix = `${basis} `;
  return [...ballots]
    .filter(([ballot, expiresUs]) => ballot.startsWith(prefix) && expiresUs <= lastUs)
    .toSorted(([a, aUs], [b, bUs]) => aUs - bUs || (a < b ? -1 : 1))
    .map(([ballot]) => ballot.slice(prefix.length));
}

// ----- claim -----

function claim(turn: LedgerTurn, proposal: ClaimProposal, node: string): Answer {
  const { id } = proposal;
  const entry = turn.entry(id);
  if (entry.state !== 'open' && entry.state !== 'half-open') return { code: 'already' };
  const holdUs = turn.holdLeftUs();
  if (holdUs > 0) return { code: 'wait', forMs: ceilMs(holdUs), why: 'hold' }; // (5)
  const earlyUs = entry.state === 'open' ? entry.untilUs - turn.nowUs : 0;
  if (earlyUs > 0) return { code: 'wait', forMs: ceilMs(earlyUs), why: 'early' }; // (5)
  const known = roundOf(turn, id, entry);
  return known === undefined ? claimFirst(turn, proposal, node) : grantOf(turn, proposal, node, known);
}

/** What becomes of the first claim of a round. */
function claimFirst(turn: LedgerTurn, proposal: ClaimProposal, node: string): Answer {
  const outUs = turn.outLeftUs(proposal.id);
  if (outUs > 0) return { code: 'wait', forMs: ceilMs(outUs), why: 'full' }; // (5)
  return grantOf(turn, proposal, node, begin(turn, proposal, node));
}

function grantOf(turn: LedgerTurn, proposal: ClaimProposal, node: string, round: Round): Answer {
  reap(round, turn.nowUs);
  if (round.lost > round.rules.maxLost) {
    reopen(turn, { ...proposal, retryAfterMs: 0 }, { why: 'lost-probes' }); // (4)
    return { code: 'done' };
  }
  const granted = grant(round, proposal, node, turn.nowUs);
  tellFree(turn, proposal.id, round);
  return 'waitMs' in granted
    ? { code: 'wait', forMs: granted.waitMs, why: 'full' }
    : { code: 'granted', leases: granted.leases, remainingMs: granted.remainingMs };
}

function begin(turn: LedgerTurn, proposal: ClaimProposal, node: string): Round {
  const { id } = proposal;
  const { shard } = turn;
  const { epoch: parent, spanMs, reopenings, notes } = turn.entry(id);
  const told = { by: noteText(node), why: notes['why'] ?? '', lt: String(leaseOf(proposal)) };
  const { epoch } = turn.rule(id, parent, { state: 'half-open', spanMs, reopenings, notes: notesOf(told) });
  const round = beginRound(proposal, epoch, parent);
  shard.rounds.set(id, round);
  shard.longestLeaseMs = Math.max(shard.longestLeaseMs, round.leaseMs);
  return round;
}

/** Keeps the hint how many leases are free, and tells all when it becomes nothing, or something. */
function tellFree(turn: LedgerTurn, id: string, round: Round): void {
  const entry = turn.entry(id);
  const free = freeLeases(round);
  if ((free === 0) === (entry.free === 0)) turn.keep(id, { ...entry, free });
  else turn.amend(id, { ...entry, free });
}

// ----- report, release -----

/** The end of a ramp of so many milliseconds; 0 for none. */
function rampOf({ nowUs }: LedgerTurn, rampMs: number): { readonly untilUs: number; readonly spanMs: number } {
  const spanMs = wholeMs(rampMs, MAX_SPAN_MS);
  return { untilUs: spanMs > 0 ? nowUs + spanMs * 1000 : 0, spanMs };
}

function settle(turn: LedgerTurn, proposal: ReportProposal | ReleaseProposal): Answer {
  const { id, basis, lease } = proposal;
  const entry = turn.entry(id);
  if (basis !== entry.epoch || entry.state !== 'half-open') return { code: 'fenced' }; // (1)
  const round = roundOf(turn, id, entry);
  const node = round === undefined ? undefined : takeLease(round, lease, turn.nowUs);
  if (round === undefined || node === undefined) return { code: 'lease-gone' }; // (6)
  if (proposal.kind === 'report') return report(turn, proposal, round, node);
  giveBack(round, node);
  tellFree(turn, id, round);
  return { code: 'noted' };
}

function report(turn: LedgerTurn, proposal: ReportProposal, round: Round, node: string): Answer {
  const { id, succeeded, rampMs } = proposal;
  const { neededSuccesses, neededFailures } = round.rules;
  const by = noteText(node);
  if (succeeded) round.successes++;
  else round.failures++;
  if (round.successes >= neededSuccesses) {
    turn.rule(id, 0, { state: 'closed', ...rampOf(turn, rampMs), notes: notesOf({ by, why: 'recovered' }) }); // (4)
    return { code: 'done' };
  }
  if (round.failures >= neededFailures) {
    reopen(turn, proposal, notesOf({ by, why: 'probes' })); // (4)
    return { code: 'done' };
  }
  tellFree(turn, id, round);
  return { code: 'noted' };
}

type Reopening = ReopenRules & { readonly id: string; readonly retryAfterMs: number };

function reopen(turn: LedgerTurn, rules: Reopening, notes: Record<string, string>): void {
  const reopenings = turn.entry(rules.id).reopenings + 1;
  turn.rule(rules.id, 0, { state: 'open', ...openFor(turn, reopenMs(rules, reopenings)), reopenings, notes });
}

/** The open time after so many failed rounds. By multiplication: powers are not the same everywhere. */
function reopenMs({ openMs, backoffRatio, maxOpenMs, retryAfterMs }: Reopening, reopenings: number): number {
  const steps = backoffRatio > 1 ? reopenings : 0;
  let ms = openMs;
  for (let step = 0; step < steps && ms < maxOpenMs; step++) ms *= backoffRatio;
  return Math.min(maxOpenMs, Math.max(ms, retryAfterMs));
}

// ----- local close, seed, bell -----

function closeLocally(turn: LedgerTurn, proposal: LocalCloseProposal, node: string): Answer {
  const { id, evidenceAgeMs, successes, neededSuccesses, rampMs } = proposal;
  const { state, untilUs } = turn.entry(id);
  if (state !== 'open') return { code: 'already' };
  const seenUs = turn.nowUs - Math.max(0, evidenceAgeMs) * 1000;
  if (seenUs < untilUs || successes < neededSuccesses) return { code: 'old-evidence' };
  const notes = notesOf({ by: noteText(node), why: 'recovered' });
  turn.rule(id, 0, { state: 'closed', ...rampOf(turn, rampMs), notes });
  return { code: 'done' };
}

function seed(turn: LedgerTurn, { id, basis, ruling, leaseTtlMs }: SeedProposal): Answer {
  if (basis <= turn.entry(id).epoch) return { code: 'already' };
  const reopenings = wholeMs(ruling.reopenings, MAX_REOPENINGS);
  if (ruling.state === 'half-open') {
    const openMs = wholeMs(leaseTtlMs, MAX_LEASE_MS); // its leases may live so long
    turn.rule(id, basis, { state: 'open', ...openFor(turn, openMs), reopenings, notes: { why: 'seeded' } });
    return { code: 'done' };
  }
  const spanMs = wholeMs(ruling.spanMs, MAX_SPAN_MS);
  const remainingMs = Math.min(Math.max(-MAX_SPAN_MS, Math.ceil(ruling.remainingMs)), spanMs);
  const isPlainlyClosed = ruling.state === 'closed' && remainingMs <= 0;
  const untilUs = isPlainlyClosed ? 0 : turn.nowUs + remainingMs * 1000;
  const { hot: _hot, ...notes } = ruling.notes;
  turn.takeOver(id, { epoch: basis, state: ruling.state, untilUs, spanMs, reopenings, free: 0, notes, hotUntilUs: 0 });
  return { code: 'done' };
}

const MAX_REOPENINGS = 1_000_000;

/** Rings, unless it is still ringing for half the time: a whole fleet that rings is told once. */
function ring(turn: LedgerTurn, { id, hotMs }: BellProposal): Answer {
  const entry = turn.entry(id);
  const ringUs = wholeMs(hotMs, MAX_HOT_MS) * 1000;
  if (entry.state !== 'closed' || (entry.hotUntilUs - turn.nowUs) * 2 >= ringUs) return { code: 'already' };
  turn.amend(id, { ...entry, hotUntilUs: turn.nowUs + ringUs });
  return { code: 'done' };
}

/** The longest time that all nodes are asked to report. Milliseconds. */
const MAX_HOT_MS = 60_000;
