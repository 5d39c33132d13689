/**
 * Acts: the story, act by act. Each does something to the fleet, waits for what must come of it, and measures that.
 *
 *   healthy ─► trip ─► recovery ─► one sick process ─► Redis killed while open ─► Redis back, empty ─► operator ─► healthy
 *
 * @module
 */

import { holdByHand } from './act-of-operator.ts';
import { comeBackEmpty, killRedis } from './acts-of-redis.ts';
import { aloneMs, circuitRules } from './circuit-rules.ts';
import { type Stage, allAre, callsOf, changesOf, PATIENCE_MS, reach, shown, watchProbes } from './stage.ts';
import { sleep, until } from './waiting.ts';

/** One act. */
export interface Act {
  readonly name: string;
  /** What there is to see, in one line. */
  readonly title: string;
  /** Share of the story that it takes, 0 to 1; more where what it waits for takes longer. */
  readonly shareRatio: number;
  /** Whether it kills Redis, which must be ours then. */
  readonly killsRedis?: true;
  play(stage: Stage): Promise<void>;
}

/** All acts, in order. Their shares add up to 1. */
export const acts: readonly Act[] = Object.freeze([
  {
    name: 'healthy',
    title: 'all calls run, and Redis hears of none of them',
    shareRatio: 0.07,
    play: ({ signal }) => sleep({ ms: 1500, signal }),
  },
  {
    name: 'trip',
    title: 'the dependency fails: two open, so all do; few probe',
    shareRatio: 0.15,
    play: trip,
  },
  {
    name: 'recovery',
    title: 'it answers again: probes close all, by a ramp',
    shareRatio: 0.13,
    play: recover,
  },
  {
    name: 'sick',
    title: 'one process cannot reach it: it opens, nobody else does',
    shareRatio: 0.13,
    play: sickProcess,
  },
  {
    name: 'outage',
    title: 'Redis is killed while all are open: no call waits',
    shareRatio: 0.28,
    killsRedis: true,
    play: killRedis,
  },
  {
    name: 'back',
    title: 'Redis is back, empty: it is told what was ruled',
    shareRatio: 0.11,
    killsRedis: true,
    play: comeBackEmpty,
  },
  {
    name: 'operator',
    title: 'somebody holds it open for all, and releases it',
    shareRatio: 0.13,
    play: holdByHand,
  },
]);

// --- internal ---

async function trip(stage: Stage): Promise<void> {
  const { dependency, figures, signal, note } = stage;
  const failedBefore = callsOf(stage).failed;
  dependency.isFailing = true;
  await allAre(stage, 'open');
  const failed = callsOf(stage).failed - failedBefore;
  measureTrip(stage, failed);
  await watchProbes(stage);
  await sleep({ ms: 2.5 * circuitRules.openForMs, signal });
  const { arrivals, mostAtOnce } = dependency.watched;
  figures.note('probes.count', arrivals.length);
  figures.note('probes.at_once', mostAtOnce);
  note(`${arrivals.length} probes, at most ${mostAtOnce} at once: all failed, and all stay open`);
}

function measureTrip(stage: Stage, failed: number): void {
  const { fleet, figures, note } = stage;
  const opened = changesOf(stage).filter(({ to }) => to === 'open');
  const [first, second = first] = opened.filter(({ isOwn }) => isOwn);
  const isComplete = new Set(opened.map(({ name }) => name)).size === fleet.members.length;
  const last = isComplete ? Math.max(...fleet.members.map(({ changes }) => openedAt(changes))) : undefined;
  const since = (from: number | undefined): number | undefined =>
    last === undefined || from === undefined ? undefined : Math.max(0, last - from);
  figures.note('trip.first_to_last_ms', since(first?.at));
  figures.note('trip.quorum_to_last_ms', since(second?.at));
  figures.note('trip.alone_ms', aloneMs(fleet.members.length));
  figures.note('trip.failed_calls', failed);
  const [all, fromSecond] = [since(first?.at), since(second?.at)].map(shown);
  note(`all open ${all} after the first trip, ${fromSecond} after the second; ${failed} failed`);
}

/** When a process opened first in this act. */
function openedAt(changes: readonly { readonly to: string; readonly at: number }[]): number {
  return changes.find(({ to }) => to === 'open')?.at ?? Infinity;
}

async function recover(stage: Stage): Promise<void> {
  const { dependency, figures, fleet, signal, note } = stage;
  const closedMs = await reach(stage, 'closed', () => (dependency.isFailing = false));
  const { mostAtOnce } = dependency.watched;
  figures.note('recovery.closed_ms', closedMs);
  figures.note('probes.at_once', mostAtOnce);
  const before = callsOf(stage);
  await sleep({ ms: circuitRules.rampUpMs / 3, signal });
  const after = callsOf(stage);
  const asked = Math.max(1, after.asked - before.asked);
  const passedPercent = 100 * (1 - (after.refused - before.refused) / asked);
  figures.note('recovery.ramp_percent', passedPercent);
  note(`all are closed after ${shown(closedMs)}; the ramp lets ${passedPercent.toFixed(0)} % through at first`);
  await sleep({ ms: circuitRules.rampUpMs, signal });
  await until(() => fleet.every(({ fleet: { view } }) => view === 'fresh'), { ms: PATIENCE_MS, signal });
}

async function sickProcess(stage: Stage): Promise<void> {
  const { fleet, figures, signal, note } = stage;
  const [sick, ...others] = fleet.members;
  if (sick === undefined) return;
  sick.tell({ kind: 'sick', isSick: true });
  const openMs = await until(() => sick.changes.some(({ to }) => to === 'open'), { ms: PATIENCE_MS, signal });
  await sleep({ ms: circuitRules.openForMs, signal }); // it probes by itself meanwhile, and finds nothing better
  const opened = others.filter(({ changes }) => changes.some(({ to }) => to === 'open')).length;
  figures.note('sick.itself_opened', openMs === undefined ? 0 : 1);
  figures.note('sick.others_opened', opened);
  note(`${sick.name} is open by itself, ${opened} of ${others.length} others are`);
  sick.tell({ kind: 'sick', isSick: false });
  await allAre(stage, 'closed');
}
