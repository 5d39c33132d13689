/**
 * Window report: what a node tells of its window, in window mode, while a circuit is near its threshold anywhere in the fleet.
 *
 *   calm ── half the threshold is reached here ─► rings the bell ─► hot: every node reports, for as long as the bell is heard
 *    ▲                                                                │
 *    └────────────────── the bell is over, or another ruling ────────┘
 *
 * If the fleet's ratio reaches a threshold, the ratio of some node does: nobody who is below half of it misses anything.
 *
 * Invariants
 *  (1) What is counted has happened, under the ruling that it is counted for, and is told once: a report that is lost is not
 *      repeated.
 *
 * @module
 */

import type { CircuitMember, MemberRules, MemberRun, MemberTally } from '../kernel/circuit-store.ts';
import { reopenRules } from './circuit-proposals.ts';
import { type FlushItem, MAX_PROPOSALS } from './ledger.ts';
import type { NodeCircuit } from './node-circuit.ts';
import { quorumOf } from './node-settings.ts';
import type { BellProposal } from './proposal.ts';

/** Time for which a bell is heard. Milliseconds. */
export const HOT_MS = 10_000;

/** The reports of one circuit. */
class WindowReport {
  /** The epoch that the counts below belong to. */
  private epoch = -1;
  private told = new WeakMap<CircuitMember, MemberTally>();
  private toldAt = Number.NEGATIVE_INFINITY;
  private seenFailures = 0;

  /** The bell that this node has reason to ring at `now`: it has seen further failures, and half the threshold is reached. */
  bell(circuit: NodeCircuit, now: number): BellProposal | undefined {
    const { id, known, rules } = circuit;
    if (rules === undefined || !isReportable(circuit, rules, now) || circuit.hotUntil - now > HOT_MS / 2)
      return undefined;
    const seen = tallyOf(circuit).failures;
    if (seen === this.seenFailures) return undefined;
    this.seenFailures = seen;
    const { successes, failures } = sum([...circuit.members].flatMap((member) => member.recent()));
    const isNear = failures > 0 && failures / (successes + failures) >= rules.failureRatio / 2;
    return isNear ? { kind: 'bell', id, basis: known.epoch, hotMs: HOT_MS } : undefined;
  }

  /** What is to be counted at `now`; nothing while the circuit is calm. It counts as told from now on: (1). */
  items(circuit: NodeCircuit, now: number): readonly FlushItem[] {
    const { known, rules } = circuit;
    if (rules === undefined || circuit.hotUntil <= now || !isReportable(circuit, rules, now)) return [];
    const isSame = this.epoch === known.epoch;
    if (isSame && now - this.toldAt < flushMs(circuit.view.fleetSize)) return [];
    if (!isSame) this.told = new WeakMap();
    Object.assign(this, { epoch: known.epoch, toldAt: now });
    const runs = [...circuit.members].flatMap((member) => this.untold(member));
    return fewer(runs).map((run) => ({ ...itemBase(circuit, rules), ...run }));
  }

  /** What a member has seen and not told: the latest of its window, as many as have come since. */
  private untold(member: CircuitMember): readonly MemberRun[] {
    const tally = member.tally();
    const left = since(tally, this.told.get(member) ?? nothing);
    this.told.set(member, tally); // what the window holds no more is told no more
    const latestFirst = member.recent().toSorted((one, other) => one.ageMs - other.ageMs);
    return latestFirst.flatMap((run) => {
      const [successes, failures] = [Math.min(run.successes, left.successes), Math.min(run.failures, left.failures)];
      left.successes -= successes;
      left.failures -= failures;
      return successes + failures > 0 ? [{ ageMs: run.ageMs, successes, failures }] : [];
    });
  }
}

/** What the windows of a node have to tell at one time. */
export interface WindowNews {
  readonly bells: readonly BellProposal[];
  readonly items: readonly FlushItem[];
}

/** The reports of all circuits of a node. */
export class WindowReports {
  private readonly reports = new Map<NodeCircuit, WindowReport>();
  /** When there may be news. Milliseconds; Infinity where nothing is reported. */
  dueAt: number = Infinity;

  /** A circuit is to be reported from now on. */
  begin(circuit: NodeCircuit, now: number): void {
    if (this.reports.has(circuit)) return;
    this.reports.set(circuit, new WindowReport());
    this.dueAt = Math.min(this.dueAt, now + LOOK_MS);
  }

  end(circuit: NodeCircuit): void {
    this.reports.delete(circuit);
  }

  /** A bell was heard for a circuit: its first report is due. */
  hurry(circuit: NodeCircuit, now: number): void {
    if (this.reports.has(circuit)) this.dueAt = Math.min(this.dueAt, now);
  }

  /**
   * The news at `now`, at most {@link MAX_PROPOSALS} of each kind; where there are more, the rest is due at once. `spread` is
   * from 0 to 1, at random.
   */
  news(now: number, spread: number): WindowNews {
    this.dueAt = this.reports.size > 0 ? now + LOOK_MS * (0.9 + 0.2 * spread) : Infinity;
    const bells: BellProposal[] = [];
    const items: FlushItem[] = [];
    for (const [circuit, report] of this.reports) {
      if (bells.length === MAX_PROPOSALS || items.length + MAX_RUNS > MAX_PROPOSALS) {
        this.dueAt = now;
        break;
      }
      const bell = report.bell(circuit, now);
      if (bell !== undefined) bells.push(bell);
      items.push(...report.items(circuit, now));
    }
    return { bells, items };
  }
}

// --- internal ---

/** Time between two looks at the windows; looking costs nothing but time. Milliseconds. */
const LOOK_MS = 250;

/** Time between two reports of one circuit: a look in a small fleet, and so long in a large one that its reports stay bounded. */
const [MIN_FLUSH_MS, MAX_FLUSH_MS, FLUSH_MS_PER_NODE] = [225, 10_000, 5];

/** Runs of a window that are told at once; more are put together, two and two. */
const MAX_RUNS = 16;

const nothing: MemberTally = Object.freeze({ successes: 0, failures: 0 });

function flushMs(fleetSize: number): number {
  return Math.min(MAX_FLUSH_MS, Math.max(MIN_FLUSH_MS, FLUSH_MS_PER_NODE * fleetSize));
}

function isReportable(circuit: NodeCircuit, { bucketMs, proposes }: MemberRules, now: number): boolean {
  return bucketMs !== undefined && proposes && circuit.known.state(now) === 'closed';
}

/** What has come since `told`; all of it where a member has begun to count anew. */
function since(tally: MemberTally, told: MemberTally): { successes: number; failures: number } {
  const isAnew = tally.successes < told.successes || tally.failures < told.failures;
  const { successes, failures } = isAnew ? nothing : told;
  return { successes: tally.successes - successes, failures: tally.failures - failures };
}

function fewer(all: readonly MemberRun[]): readonly MemberRun[] {
  let runs = all;
  while (runs.length > MAX_RUNS) {
    runs = runs.flatMap((run, index) => (index % 2 === 0 ? [together(run, runs[index + 1])] : []));
  }
  return runs;
}

/** Two runs as one, as old as the older: nothing counts for longer than it may. */
function together(one: MemberRun, other: MemberRun | undefined): MemberRun {
  if (other === undefined) return one;
  return { ...sum([one, other]), ageMs: Math.max(one.ageMs, other.ageMs) };
}

function tallyOf({ members }: NodeCircuit): MemberTally {
  return sum([...members].map((member) => member.tally()));
}

function sum(tallies: readonly MemberTally[]): MemberTally {
  return tallies.reduce<MemberTally>(
    (total, { successes, failures }) => ({
      successes: total.successes + successes,
      failures: total.failures + failures,
    }),
    nothing,
  );
}

function itemBase(
  { id, known, view }: NodeCircuit,
  rules: MemberRules,
): Omit<FlushItem, 'successes' | 'failures' | 'ageMs'> {
  const { minimumCalls, failureRatio, openForMs, fingerprint, evidenceSpanMs } = rules;
  const bucketMs = rules.bucketMs ?? evidenceSpanMs;
  return {
    id,
    basis: known.epoch,
    ...reopenRules(rules),
    bucketMs,
    bucketCount: Math.max(1, Math.round(evidenceSpanMs / bucketMs)),
    minimumCalls,
    failureRatio,
    quorum: quorumOf(view.settings, view.fleetSize),
    openForMs,
    fingerprint,
  };
}
