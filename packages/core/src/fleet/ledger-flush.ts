/**
 * Ledger flush: the fleet's window of a circuit: what all nodes have seen, in buckets of the ledger's time.
 *
 * Invariants
 *  (1) What is counted happened under the epoch that stands, inside the window, and is counted once.
 *  (2) The circuit opens only where the fleet's calls are enough, its ratio is reached, and a quorum of nodes has seen failures.
 *
 * @module
 */

import type { FleetWindow, Reporter } from './ledger-shard.ts';
import { type FlushItem, type FlushResult, TICKET_TTL_MS } from './ledger.ts';
import { namesNote, notesOf, openFor } from './ledger-step.ts';
import { type LedgerTurn, MAX_SPAN_MS, wholeMs } from './ledger-turn.ts';
import { noteText } from './note-text.ts';

/** Which flush it is: `sequence` rises with each one of a node. */
export interface FlushOrigin {
  readonly node: string;
  readonly sequence: number;
  /** Circuits that items of this flush were counted for: further ones belong to them. */
  readonly counted: Set<string>;
}

/** Counts one item, and opens the circuit where the sums say so. The ticket must be good. */
export function count(turn: LedgerTurn, item: FlushItem, origin: FlushOrigin): FlushResult {
  const { id, basis } = item;
  const entry = turn.entry(id);
  if (basis !== entry.epoch || entry.state !== 'closed')
    return { code: 'fenced', successes: 0, failures: 0, ruling: turn.ruling(id) }; // (1)
  const window = windowOf(turn, item);
  const current = bucketAt(window, turn.nowUs);
  dropOld(window, current, turn.nowUs);
  add(window, item, origin, turn.nowUs);
  const { successes, failures } = sums(window);
  const failing = [...window.reporters].filter(([, { failedIn }]) => failedIn >= 0).map(([node]) => noteText(node));
  if (!isTripped(item, { successes, failures, nodes: failing.length })) return { code: 'counted', successes, failures };
  const notes = notesOf({ by: namesNote(failing.toSorted()), why: 'failure-ratio', cf: noteText(item.fingerprint) });
  turn.rule(id, basis, { state: 'open', ...openFor(turn, item.openForMs), notes });
  turn.shard.windows.delete(id);
  return { code: 'done', successes, failures, ruling: turn.ruling(id) };
}

// --- internal ---

interface Sums {
  readonly successes: number;
  readonly failures: number;
}

/** The window of the epoch that stands. Its buckets are those of whoever began it. */
function windowOf({ shard }: LedgerTurn, { id, basis, bucketMs, bucketCount }: FlushItem): FleetWindow {
  const kept = shard.windows.get(id);
  if (kept?.epoch === basis) return kept;
  const begun: FleetWindow = {
    epoch: basis,
    bucketMs: Math.max(1, wholeMs(bucketMs, MAX_SPAN_MS)),
    bucketCount: Math.max(1, bucketCount),
    buckets: new Map(),
    reporters: new Map(),
  };
  shard.windows.set(id, begun);
  return begun;
}

function bucketAt({ bucketMs }: FleetWindow, us: number): number {
  return Math.floor(us / (bucketMs * 1000));
}

function isInside({ bucketCount }: FleetWindow, bucket: number, current: number): boolean {
  return bucket > current - bucketCount && bucket <= current;
}

function dropOld(window: FleetWindow, current: number, nowUs: number): void {
  for (const bucket of window.buckets.keys()) {
    if (!isInside(window, bucket, current)) window.buckets.delete(bucket);
  }
  const keepUs = Math.max(window.bucketMs * window.bucketCount, TICKET_TTL_MS) * 1000;
  for (const [node, reporter] of window.reporters) {
    if (!isInside(window, reporter.failedIn, current)) reporter.failedIn = -1;
    if (reporter.failedIn < 0 && reporter.reportedUs < nowUs - keepUs) window.reporters.delete(node);
  }
}

function add(window: FleetWindow, item: FlushItem, { node, sequence, counted }: FlushOrigin, nowUs: number): void {
  const reporter: Reporter = window.reporters.get(node) ?? { failedIn: -1, sequence: -1, reportedUs: nowUs };
  if (sequence <= reporter.sequence && !counted.has(item.id)) return; // (1)
  counted.add(item.id);
  const current = bucketAt(window, nowUs);
  const bucket = bucketAt(window, nowUs - Math.max(0, item.ageMs) * 1000);
  const [successes, failures] = [Math.max(0, item.successes), Math.max(0, item.failures)];
  const isCounted = isInside(window, bucket, current);
  if (isCounted) {
    const sum = window.buckets.get(bucket) ?? { successes: 0, failures: 0 };
    window.buckets.set(bucket, { successes: sum.successes + successes, failures: sum.failures + failures });
  }
  const failedIn = isCounted && failures > 0 ? Math.max(reporter.failedIn, bucket) : reporter.failedIn;
  window.reporters.set(node, { failedIn, sequence, reportedUs: nowUs });
}

function sums({ buckets }: FleetWindow): Sums {
  const total = { successes: 0, failures: 0 };
  for (const { successes, failures } of buckets.values()) {
    total.successes += successes;
    total.failures += failures;
  }
  return total;
}

function isTripped(item: FlushItem, { successes, failures, nodes }: Sums & { readonly nodes: number }): boolean {
  const total = successes + failures;
  const isReached = failures > 0 && total >= item.minimumCalls && failures / total >= item.failureRatio;
  return isReached && nodes >= item.quorum; // (2)
}
