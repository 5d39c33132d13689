/**
 * What is checked of each half-open round, at the ledger: I5, I6, I8.
 *
 * @module
 */

import type { ClaimProposal, Proposal, ReleaseProposal, ReportProposal, Result } from '@holdfast/core/fleet';

import type { Moment } from './check-rulings.ts';
import type { Facts } from './facts.ts';
import { type LedgerView, type SeenRound, roundOf } from './ledger-view.ts';
import { neededFailures, neededSuccesses } from './plan.ts';
import { holds } from './violation.ts';

/** Takes note of what a claim came to. */
export function noteClaim(
  view: LedgerView,
  facts: Facts,
  { proposal, result, node }: { proposal: ClaimProposal; result: Result; node: string },
  { nowUs }: Moment,
): void {
  countClaim(facts, result);
  const { id } = proposal;
  const leaseUs = facts.plan.breaker.probeLeaseMs * 1000;
  if (hasLookedAtRound(result)) shorten(view.rounds.get(id), result, nowUs + leaseUs);
  if (result.code !== 'granted') return;
  const round = roundOf(view, id, result.ruling?.epoch ?? 0);
  round.maxPerNode ??= proposal.round.maxPerNode;
  for (const lease of result.leases) {
    if (round.leases.has(lease)) continue;
    holds('I6', !round.granted.has(lease), () => `${lease} was granted again after it had come to its end`);
    checkI6Share(round, { node, leaseUs }, nowUs);
    facts.count('a lease is granted');
    round.granted.set(lease, node);
    round.leases.set(lease, nowUs + leaseUs);
    round.grantedUs = nowUs;
  }
  checkI6Budget(facts, round, id, nowUs);
}

/** Takes note of what a report or the return of a lease came to. */
export function noteSettled(
  view: LedgerView,
  facts: Facts,
  { proposal, result }: { proposal: ReportProposal | ReleaseProposal; result: Result },
  { nowUs }: Moment,
): void {
  if (result.code !== 'noted' && result.code !== 'done') return;
  const { id, basis, lease } = proposal;
  const round = roundOf(view, id, basis);
  checkI5Lease(round, proposal, nowUs);
  round.leases.delete(lease);
  if (proposal.kind === 'release') {
    facts.count('a lease is given back');
    round.released++;
    return;
  }
  facts.count('a probe is reported');
  if (proposal.succeeded) round.successes++;
  else round.failures++;
  round.reported.add(lease);
  if (result.code === 'done') checkI5Enough(facts, round, result);
}

/** I8: what a request has come to before in this history of the ledger, it does not come to again. */
export function checkI8Again(proposal: Proposal, result: Result, before: string): void {
  const [code] = before.split(' ');
  const now = effectOf(result);
  if (now === undefined || proposal.kind === 'bell') return; // a bell asks for reports only
  const isSameGrant = proposal.kind === 'claim' && now === before;
  const isFirst = proposal.kind === 'claim' && now.startsWith('granted') !== before.startsWith('granted');
  holds(
    'I8',
    isSameGrant || isFirst,
    () => `${proposal.kind} of ${proposal.id} came to ${String(code)}, and then again to ${now}`,
  );
}

/** I8: what an operator has done once is not done again. */
export function checkI8Hold(wasDone: boolean): void {
  holds('I8', !wasDone, () => 'a hold was taken twice');
}

/** What a proposal has changed; undefined where that is nothing, or a ballot, which counts once anyway. */
export function effectOf(result: Result): string | undefined {
  if (result.code === 'granted') return `granted ${result.leases.join(' ')}`;
  return result.code === 'done' || result.code === 'noted' ? result.code : undefined;
}

// --- internal ---

function countClaim(facts: Facts, result: Result): void {
  if (result.code === 'wait') facts.count(`a claim waits: ${result.why}`);
  if (result.code === 'done') facts.count('a round ends by lost probes');
}

function hasLookedAtRound(result: Result): boolean {
  return result.code === 'granted' || (result.code === 'wait' && result.why === 'full');
}

/** A ledger whose clock has been set back lets no lease live for longer than one that it grants now, once it looks at the round. */
function shorten(round: SeenRound | undefined, { ruling }: Result, latestUs: number): void {
  if (round === undefined || round.epoch !== ruling?.epoch) return;
  for (const [lease, expiresUs] of round.leases) round.leases.set(lease, Math.min(expiresUs, latestUs));
}

/** I5: a lease counts while it is out, and before it expires by the clock of the ledger. */
function checkI5Lease(round: SeenRound, { lease, kind }: ReportProposal | ReleaseProposal, nowUs: number): void {
  const expiresUs = round.leases.get(lease);
  const isLive = expiresUs !== undefined && (kind === 'release' || expiresUs > nowUs);
  holds(
    'I5',
    isLive,
    () =>
      `${lease} counted ${expiresUs === undefined ? 'though it was not out' : `${(nowUs - expiresUs) / 1000} ms late`}`,
  );
}

/** I5: a round ends by enough verdicts only. */
function checkI5Enough({ plan }: Facts, { successes, failures, epoch }: SeenRound, { ruling }: Result): void {
  const isEnough = ruling?.state === 'closed' ? successes >= neededSuccesses(plan) : failures >= neededFailures(plan);
  holds(
    'I5',
    isEnough,
    () => `the round of ${epoch} became ${String(ruling?.state)} by ${successes} successes and ${failures} failures`,
  );
}

/** I6: a node that has its share of a round gets no more of it while another may ask. */
function checkI6Share(
  { granted, leases, reported, maxPerNode = Infinity, grantedUs }: SeenRound,
  { node, leaseUs }: { readonly node: string; readonly leaseUs: number },
  nowUs: number,
): void {
  const counts = (lease: string): boolean => reported.has(lease) || (leases.get(lease) ?? 0) > nowUs;
  const had = [...granted].filter(([lease, holder]) => holder === node && counts(lease)).length;
  const isWaitOver = nowUs >= Math.min(grantedUs, nowUs) + leaseUs;
  holds('I6', had < maxPerNode || isWaitOver, () => `${node} had ${had} leases of its round, and got another`);
}

/** I6: never more than S + F - 1 leases count, and never more are granted in all than these, V lost and K that are out. */
function checkI6Budget({ plan }: Facts, round: SeenRound, id: string, nowUs: number): void {
  const { maxProbes } = plan.breaker;
  const counting = neededSuccesses(plan) + neededFailures(plan) - 1;
  const { granted, released, successes, failures } = round;
  const most = counting + plan.maxLostProbes + maxProbes;
  const live = [...round.leases.values()].filter((expiresUs) => expiresUs > nowUs).length;
  const could = successes + failures + live;
  holds('I6', could <= counting, () => `${could} probes of ${id} count or can count, and ${counting} may`);
  holds(
    'I6',
    granted.size - released <= most,
    () => `${granted.size} leases of ${id} were granted in one round, ${released} came back`,
  );
}
