/**
 * Play: runs a case on one side.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import { buildPolicies } from './build.ts';
import type { CallSpec, Case, RunSpec } from './case.ts';
import { Fractions } from './fractions.ts';
import { Journal } from './journal.ts';
import { Scheduler, skewed } from './scheduler.ts';
import { scripted } from './script.ts';
import type { CallContext, Observer, OwnPolicy, Side } from './side.ts';

/** Makes a side that tells the observer. */
export type SideFactory = (listeners: Case['listeners'], observer: Observer) => Side;

/** What is left of a case that was played. */
export interface Played {
  readonly journal: Journal;
  /** Statistics of all policies at the end. */
  readonly statistics: string;
  /** Timers that are still set long after everything was over. */
  readonly pendingCount: number;
  /** What the side noted, once for each time that it happened. */
  readonly notes: readonly string[];
}

/** What everything in one playing shares. */
export interface Stage {
  readonly side: Side;
  readonly journal: Journal;
  readonly fractions: Fractions;
  readonly scheduler: Scheduler;
  readonly clocks: Readonly<Record<'main' | 'ahead' | 'behind', Clock>>;
  readonly seed: number;
}

/** Plays a case. */
export async function play(specified: Case, makeSide: SideFactory): Promise<Played> {
  const scheduler = new Scheduler(specified.hasTurns);
  const policies: OwnPolicy[] = [];
  const notes: string[] = [];
  const observer: Observer = {
    clock: scheduler,
    idle: () => scheduler.idle(),
    onEvent: (event) => tellEvent(event, journal, policies, specified),
    onHookError: (_error, policy) => journal.tell(policy ?? 'context', 'a hook threw'),
    note: (what) => void notes.push(what),
  };
  const side = makeSide(specified.listeners, observer);
  const journal = new Journal(scheduler, (error) => side.isOurs(error));
  const clocks = { main: scheduler, ahead: skewed(scheduler, SKEW_MS), behind: skewed(scheduler, -SKEW_MS) };
  const stage: Stage = { side, journal, fractions: new Fractions(), scheduler, clocks, seed: specified.seed };
  await scheduler.runUntil(START_MS);
  const outermost = buildPolicies(specified.layers, stage, policies);
  for (const [index, call] of specified.calls.entries()) {
    const delayMs = call.startMs + stage.fractions.of('start', index);
    scheduler.setTimer(() => startCall(call, index, outermost, stage), delayMs);
  }
  for (const [index, visit] of specified.visits.entries()) {
    const delayMs = visit.atMs + stage.fractions.of('visit', index);
    scheduler.setTimer(() => pay(visit, policies, journal), delayMs);
  }
  await scheduler.runUntil(END_MS);
  const statistics = policies.map((policy) => `${policy.name} ${JSON.stringify(policy.statistics())}`).join('\n');
  return { journal, statistics, pendingCount: scheduler.pendingCount, notes };
}

// --- internal ---

/** Behind must not be before zero. */
const START_MS = 4096;
const SKEW_MS = 2048;
/** When a call is long over, for its caller. */
const LATE_MS = 32_768;
/** Later than anything that a case can do. */
const END_MS = 131_072;

function startCall(call: CallSpec, index: number, policy: OwnPolicy, stage: Stage): void {
  const { side, journal, scheduler, clocks, fractions } = stage;
  const { context } = call.caller;
  const clock = context === 'ahead' || context === 'behind' ? clocks[context] : scheduler;
  const cause = call.caller.cause === 'error' ? journal.label(new Error('gave up'), `cause ${index}`) : undefined;
  const deadlineMs = call.caller.deadlineMs;
  const spec = {
    ...call.caller,
    deadlineMs: deadlineMs === undefined ? undefined : deadlineMs + fractions.of('deadline', index),
  };
  const caller = side.caller(spec, clock, cause);
  const { cancelAfterMs } = call.caller;
  if (cancelAfterMs !== undefined && cancelAfterMs < 0) caller.cancel();
  else if (cancelAfterMs !== undefined)
    scheduler.setTimer(caller.cancel, cancelAfterMs + fractions.of('cancel', index));
  const runs: readonly RunSpec[] = call.runs;
  scheduler.setTimer(() => tellEnd(caller.context, index, journal), LATE_MS);
  policy.execute(scripted(runs, index, stage), caller.context).then(
    (value) => journal.settle(index, 'value', value),
    (error: unknown) => journal.settle(index, 'error', error),
  );
}

/** How the caller's context has ended, if it has. */
function tellEnd(context: CallContext | undefined, call: number, journal: Journal): void {
  if (context !== undefined) journal.tell(`caller ${call}`, `ended=${context.cancelled}`, context.cause);
}

function pay(visit: Case['visits'][number], policies: readonly OwnPolicy[], journal: Journal): void {
  const resettable = policies.filter(({ reset }) => reset !== undefined);
  if (visit.does === 'reset') {
    resettable[visit.which % resettable.length]?.reset?.();
    return;
  }
  for (const policy of policies) journal.tell(policy.name, `reads ${JSON.stringify(policy.statistics())}`);
}

/** An event, and the statistics of the policy as the listener finds them. */
function tellEvent(
  event: { type: string; name: string },
  journal: Journal,
  policies: readonly OwnPolicy[],
  played: Case,
): void {
  if (played.listeners === 'none') return;
  const {
    type,
    name,
    policy: _slug,
    error,
    ...fields
  } = event as { type: string; name: string; policy?: string; error?: unknown };
  const told = Object.entries(fields).map(([field, value]) => `${field}=${String(value)}`);
  const statistics = policies.find((policy) => policy.name === name)?.statistics();
  const what = `${type} ${told.toSorted().join(' ')} ${JSON.stringify(statistics)}`;
  if ('error' in event) journal.tell(name, what, error);
  else journal.tell(name, what);
}
