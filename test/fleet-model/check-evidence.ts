/**
 * What is checked of each opening: I4, I19, I20.
 *
 * @module
 */

import type { FlushItem, FlushRequest, FlushResult, Result, TripProposal } from '@holdfast/core/fleet';
import { TICKET_TTL_MS } from '@holdfast/core/fleet';

import type { Moment } from './check-rulings.ts';
import { type Facts, MAX_SKEW_MS } from './facts.ts';
import type { LedgerView, SeenRuling, SeenWindow } from './ledger-view.ts';
import { evidenceSpanMs } from './plan.ts';
import { holds } from './violation.ts';

/** Takes note of what a trip came to. */
export function noteTrip(
  view: LedgerView,
  facts: Facts,
  { proposal, result, node }: { proposal: TripProposal; result: Result; node: string },
  moment: Moment,
): void {
  const { id, basis, ballotTtlMs } = proposal;
  if (result.code !== 'voted' && result.code !== 'done') return;
  facts.count(result.code === 'voted' ? 'a ballot waits for others' : 'nodes open the fleet');
  const ballots = view.ballots.get(id) ?? new Map<string, number>();
  view.ballots.set(id, ballots.set(`${basis} ${node}`, moment.nowUs + ballotTtlMs * 1000));
  if (result.code === 'voted') return;
  const voters = [...ballots]
    .filter(([ballot, expiresUs]) => ballot.startsWith(`${basis} `) && expiresUs > moment.nowUs)
    .map(([ballot]) => ballot.slice(`${basis} `.length));
  view.ballots.delete(id);
  checkI19Ballots(facts, voters);
  checkI4Closed(view, proposal, moment);
  for (const voter of facts.plan.quorum === 1 ? [node] : voters)
    checkI4Evidence(view, facts, { voter, id, basis }, moment);
}

/** Takes note of what a report of a window came to. `execution` differs for each time that a request is executed. */
export function noteFlushed(
  view: LedgerView,
  facts: Facts,
  { request, results, execution }: { request: FlushRequest; results: readonly FlushResult[]; execution: number },
  { nowUs }: Moment,
): void {
  for (const [index, item] of request.items.entries()) {
    const result = results[index];
    if (result?.code !== 'counted' && result?.code !== 'done') continue;
    facts.count(`a report of a window is ${result.code}`);
    checkI20Epoch(view, item);
    const window = windowOf(view, item);
    addItem(window, item, { request, execution }, nowUs);
    checkI20Sums(window, item, result);
    if (result.code === 'counted') continue;
    checkI19Reporters(facts, window, item);
    view.windows.delete(item.id);
  }
}

// --- internal ---

/** I4: what opens was closed, or is not known to the ledger any more. */
function checkI4Closed(view: LedgerView, { id, basis }: TripProposal, moment: Moment): void {
  const overturned = view.rulings.get(id);
  if (overturned === undefined || overturned.epoch < basis) return;
  holds('I4', isClosed(overturned, moment), () => `${id} opened while it was ${overturned.state}`);
}

/** I4: the evidence of a voter is from after the closing that is overturned, and not too old. */
function checkI4Evidence(
  view: LedgerView,
  facts: Facts,
  { voter, id, basis }: { readonly voter: string; readonly id: string; readonly basis: number },
  { at }: Moment,
): void {
  const trip = facts.trips.get(`${voter} ${id} ${basis}`);
  holds('I4', trip !== undefined, () => `${voter} has not opened ${id} under ${basis} by itself`);
  if (trip === undefined) return;
  const overturned = view.rulings.get(id);
  const closings = [{ id, epoch: basis, state: 'closed' as const }, ...(overturned === undefined ? [] : [overturned])];
  const closedAt = Math.max(...closings.map((each) => facts.bornAt(each, Number.NEGATIVE_INFINITY)));
  const stoodMs = facts.stoodMs.get(voter) ?? 0;
  const earlyMs = closedAt - trip.oldestAt;
  holds(
    'I4',
    earlyMs <= MAX_SKEW_MS + stoodMs,
    () => `${voter} saw failures of ${id} ${earlyMs} ms before its closing`,
  );
  const delayMs = TICKET_TTL_MS + (facts.plan.quorum > 1 ? facts.plan.ballotTtlMs : 0);
  const seenMs = evidenceSpanMs(facts.plan) + trip.openMs + EVIDENCE_SLACK_MS;
  const maxAgeMs = (seenMs + delayMs) * MAX_RATE + (facts.stoodUnheardMs.get(voter) ?? 0);
  const ageMs = at - trip.oldestAt;
  holds('I4', ageMs <= maxAgeMs, () => `evidence of ${voter} on ${id} is ${ageMs} ms old, and ${maxAgeMs} is the most`);
}

/** I19: enough distinct nodes have ballots at this epoch that are good. */
function checkI19Ballots({ plan }: Facts, voters: readonly string[]): void {
  holds('I19', new Set(voters).size >= plan.quorum, () => `${voters.join(' ')} opened, and ${plan.quorum} must agree`);
}

/** I19, in window mode: enough distinct nodes have seen failures, the calls are enough and their ratio is reached. */
function checkI19Reporters({ plan }: Facts, { items }: SeenWindow, { failureRatio, minimumCalls }: FlushItem): void {
  const failing = new Set(items.filter(({ failures }) => failures > 0).map(({ node }) => node));
  holds('I19', failing.size >= plan.quorum, () => `${[...failing].join(' ')} saw failures, and ${plan.quorum} must`);
  const { successes, failures } = sumOf(items);
  const isReached = failures + successes >= minimumCalls && failures >= failureRatio * (failures + successes);
  holds('I19', isReached, () => `${failures} failures of ${failures + successes} calls opened`);
}

/** I20: what is counted belongs to the ruling that stands, and that is closed. */
function checkI20Epoch(view: LedgerView, { id, basis }: FlushItem): void {
  const stands = view.rulings.get(id) ?? { epoch: 0, state: 'closed' as const };
  const isRight = stands.epoch === basis && (stands.state === 'closed' || stands.state === 'forced-closed');
  holds(
    'I20',
    isRight,
    () => `calls under ${basis} of ${id} were counted while it was ${stands.state} at ${stands.epoch}`,
  );
}

/** I20: the sums are those of what was told, each once. */
function checkI20Sums({ items }: SeenWindow, { id }: FlushItem, result: FlushResult): void {
  const { successes, failures } = sumOf(items);
  const isRight = result.successes === successes && result.failures === failures;
  holds(
    'I20',
    isRight,
    () =>
      `the sums of ${id} are ${result.successes} and ${result.failures}, of what was told ${successes} and ${failures}`,
  );
}

/** Whether it is closed, or a hold to that is over by its time. */
function isClosed({ state, untilUs }: SeenRuling, { nowUs }: Moment): boolean {
  return state === 'closed' || (state === 'forced-closed' && untilUs <= nowUs + ROUNDING_US);
}

function windowOf(view: LedgerView, { id, basis, bucketMs, bucketCount }: FlushItem): SeenWindow {
  const known = view.windows.get(id);
  if (known?.epoch === basis) return known;
  const begun = { epoch: basis, bucketUs: Math.ceil(bucketMs) * 1000, bucketCount, items: [], last: new Map() };
  view.windows.set(id, begun);
  return begun;
}

function addItem(
  window: SeenWindow,
  { successes, failures, ageMs }: FlushItem,
  { request: { node, sequence }, execution }: { readonly request: FlushRequest; readonly execution: number },
  nowUs: number,
): void {
  const { bucketUs, bucketCount, last } = window;
  const current = Math.floor(nowUs / bucketUs);
  const isInside = (bucket: number): boolean => bucket > current - bucketCount && bucket <= current;
  window.items = window.items.filter(({ bucket }) => isInside(bucket));
  const before = last.get(node);
  if (before !== undefined && sequence <= before.sequence && execution !== before.execution) return;
  last.set(node, { sequence, execution });
  const bucket = Math.floor((nowUs - Math.max(0, ageMs) * 1000) / bucketUs);
  if (isInside(bucket)) window.items.push({ node, bucket, successes, failures });
}

function sumOf(items: SeenWindow['items']): { readonly successes: number; readonly failures: number } {
  let [successes, failures] = [0, 0];
  for (const item of items) {
    successes += item.successes;
    failures += item.failures;
  }
  return { successes, failures };
}

/** What a window looks back further than its span by, and what a node allows for that. Milliseconds. */
const EVIDENCE_SLACK_MS = 2000;

/** What the ledger rounds a time left up by. */
const ROUNDING_US = 1000;

/** How much faster than the clock of a node the world's may run. */
const MAX_RATE = 1.1;
