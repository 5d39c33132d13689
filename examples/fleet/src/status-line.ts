/**
 * Status line: the run in one plain line, for logs and pipes.
 *
 * @module
 */

import type { Run } from './run.ts';

/** Says how things are: `t=4s act=trip redis=up dependency=failing circuits=open:8 modes=shared:8 leases=0 worst=0.2ms`. */
export function statusLine({ stage, story }: Run, elapsedMs: number): string {
  const { fleet, redis, dependency } = stage;
  const statuses = fleet.members.flatMap(({ status }) => status ?? []);
  const leases = statuses.reduce((sum, { fleet: { leases: count } }) => sum + count, 0);
  const worstMs = Math.max(0, ...fleet.members.map((member) => member.worstMs));
  return [
    `t=${Math.round(elapsedMs / 1000)}s`,
    `act=${story.acts[story.index]?.name ?? '-'}`,
    `redis=${redis.isUp() ? 'up' : 'down'}`,
    `dependency=${dependency.isFailing ? 'failing' : 'well'}`,
    `circuits=${tally(statuses.map(({ state }) => state))}`,
    `modes=${tally(statuses.map(({ mode }) => mode))}`,
    `leases=${leases}`,
    `worst=${worstMs.toFixed(1)}ms`,
  ].join(' ');
}

// --- internal ---

/** Counts equal words: `open:7,half-open:1`. */
function tally(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${word}:${count}`).join(',') || '-';
}
