/**
 * Run: everything put together: a Redis, a dependency, a fleet, and the story that is told with them.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';

import { type Act, acts } from './acts.ts';
import type { Arguments } from './arguments.ts';
import { startDependency } from './dependency.ts';
import { type FleetListener, startFleet } from './fleet.ts';
import { type Journal, type JournalEntry, createJournal } from './journal.ts';
import type { Lifecycle } from './lifecycle.ts';
import { operatorOf } from './operator.ts';
import { Figures } from './promises.ts';
import { openRedis } from './redis-server.ts';
import { type Stage, PATIENCE_MS } from './stage.ts';
import { type Story, createStory } from './story.ts';
import { sleep, until } from './waiting.ts';

/** A run under way. */
export interface Run {
  readonly stage: Stage;
  readonly journal: Journal;
  readonly story: Story;
}

/** Starts everything; `lifecycle` ends it. */
export async function openRun(
  args: Arguments,
  lifecycle: Lifecycle,
  onEntry?: (entry: JournalEntry) => void,
): Promise<Run> {
  const redis = await openRedis(process.env['REDIS_URL'] || undefined);
  if (redis.isOurs) lifecycle.defer('Redis', () => redis.kill());
  const dependency = await startDependency();
  lifecycle.defer('the dependency', () => dependency.close());
  const journal = createJournal(onEntry);
  const namespace = `fleet-${randomBytes(4).toString('hex')}`;
  const plan = { dependencyUrl: dependency.url, redisUrl: redis.url, namespace };
  const fleet = await startFleet(args.processes, plan, listenerOf(journal));
  lifecycle.defer('the processes', () => fleet.end());
  const figures = new Figures();
  const operator = operatorOf(redis.url, namespace);
  const { signal } = lifecycle;
  const stage: Stage = { dependency, fleet, redis, operator, figures, signal, note: journal.note };
  return {
    stage,
    journal,
    story: createStory(
      acts.filter((act) => isPlayed(act, stage)),
      args.forMs,
    ),
  };
}

/** Waits until all processes share, and know of each other. */
export async function gather({ stage: { fleet, signal, note } }: Run): Promise<void> {
  const tookMs = await until(() => fleet.every(({ mode }) => mode === 'shared'), { ms: GATHER_LIMIT_MS, signal });
  if (tookMs === undefined) throw new Error('the processes have not found each other through Redis');
  note(`${fleet.members.length} processes share one circuit`);
  await sleep({ ms: WARM_UP_MS, signal });
}

// --- internal ---

const GATHER_LIMIT_MS = 3 * PATIENCE_MS;

/** Time in which the compiler has seen all code, and each process has heard of the others. Milliseconds. */
const WARM_UP_MS = 1500;

function isPlayed(act: Act, { redis }: Stage): boolean {
  return act.killsRedis !== true || redis.isOurs;
}

function listenerOf(journal: Journal): FleetListener {
  return {
    changed({ name, status }, { to, isOwn }) {
      if (to !== 'open' || !isOwn) return;
      journal.note(status?.mode === 'local' ? `${name} has probed alone, in vain` : `${name} opens by its own calls`);
    },
  };
}
