/**
 * Stage: what the acts of the story act upon, and what several of them do alike.
 *
 * @module
 */

import type { Dependency } from './dependency.ts';
import type { Fleet } from './fleet.ts';
import { type StateChange, machineMs } from './member-message.ts';
import type { Operator } from './operator.ts';
import type { Figures } from './promises.ts';
import type { RedisServer } from './redis-server.ts';
import { sleep, until } from './waiting.ts';

/** What an act acts upon. */
export interface Stage {
  readonly dependency: Dependency;
  readonly fleet: Fleet;
  readonly redis: RedisServer;
  readonly operator: Operator;
  readonly figures: Figures;
  /** Aborts when the run ends. */
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** How long an act waits for what must come. Milliseconds. */
export const PATIENCE_MS = 12_000;

/** Waits until all processes are in one of these states. Returns the time that it took; undefined where they never were. */
export function allAre({ fleet, signal }: Stage, ...states: readonly string[]): Promise<number | undefined> {
  return until(() => fleet.every(({ state }) => states.includes(state)), { ms: PATIENCE_MS, signal });
}

/**
 * Does something by which all processes come to be in `state`. Returns the time from its beginning until the last one was;
 * undefined where they never were. Milliseconds.
 */
export async function reach(stage: Stage, state: string, begin: () => unknown): Promise<number | undefined> {
  const startedAt = machineMs();
  await begin();
  if ((await allAre(stage, state)) === undefined) return undefined;
  const times = changesOf(stage).flatMap(({ to, at }) => (to === state ? at : []));
  return Math.max(0, ...times.map((at) => at - startedAt));
}

/** A time as people read it; `never` where it did not come. */
export function shown(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${ms.toFixed(0)} ms`;
}

/** When all processes are open, and what they had begun has ended: counts at the dependency what comes from now on. */
export async function watchProbes({ dependency, signal }: Stage): Promise<void> {
  await sleep({ ms: SETTLE_MS, signal });
  await until(() => dependency.underWay === 0, { ms: PATIENCE_MS, signal });
  dependency.watch();
}

/** What has changed in the whole fleet since the act began, in order of time. */
export function changesOf({ fleet }: Stage): (StateChange & { readonly name: string })[] {
  const all = fleet.members.flatMap(({ name, changes }) => changes.map((change) => ({ ...change, name })));
  return all.toSorted((one, other) => one.at - other.at);
}

/** Calls of the whole fleet so far. */
export function callsOf({ fleet }: Stage): {
  readonly asked: number;
  readonly refused: number;
  readonly failed: number;
} {
  const sum = { asked: 0, refused: 0, failed: 0 };
  for (const { status } of fleet.members) {
    sum.asked += status?.counts.asked ?? 0;
    sum.refused += status?.counts.refused ?? 0;
    sum.failed += status?.counts.failed ?? 0;
  }
  return sum;
}

// --- internal ---

/** Time in which calls that were let through before have arrived. Milliseconds. */
const SETTLE_MS = 100;
