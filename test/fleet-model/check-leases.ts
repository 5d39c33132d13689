/**
 * What is checked of the leases in the hands of nodes: I3, I22.
 *
 * @module
 */

import type { ModelProcess } from './model-process.ts';
import type { Plan } from './plan.ts';
import { holds } from './violation.ts';

/** I3: no more than K leases of a circuit are in hand or used by a call that runs, each until it is over by the clock of its holder. */
export function checkI3Believed(processes: Iterable<ModelProcess>, id: string, { breaker }: Plan): number {
  const believed = [...processes].flatMap((process) => leasesBelievedBy(process, id));
  holds(
    'I3',
    believed.length <= breaker.maxProbes,
    () => `${believed.join(', ')} of ${id} are believed in, and K is ${breaker.maxProbes}`,
  );
  return believed.length;
}

/**
 * I22: a lease that nobody took is given back before it expires, by a process that is awake, has no request under way and may
 * propose.
 */
export function checkI22GivenBack(process: ModelProcess, id: string): void {
  const now = process.clock.now();
  const { sync } = process.node;
  const mayPropose = sync.ticket(now) !== undefined && sync.proposableAt(now) < now - IDLE_MS;
  if (!process.isIdleFor(IDLE_MS) || !mayPropose) return;
  const kept = process.watched(id)?.pool.held.filter(({ expiresAt }) => expiresAt <= now) ?? [];
  holds(
    'I22',
    kept.length === 0,
    () => `${process.name} kept ${kept.map((lease) => lease.id).join(' ')} of ${id} to its end`,
  );
}

/** I22: a process that has left has no lease in hand. */
export function checkI22Left(process: ModelProcess): void {
  const kept = [...process.all].flatMap(({ pool }) => pool.held.map((lease) => lease.id));
  holds('I22', kept.length === 0, () => `${process.name} left with ${kept.join(' ')}`);
}

// --- internal ---

function leasesBelievedBy(process: ModelProcess, id: string): string[] {
  const watched = process.watched(id);
  if (watched === undefined || process.state === 'dead' || process.isSuspended) return [];
  const { held } = watched.pool;
  const { probing } = watched;
  if (held.length === 0 && probing.size === 0) return [];
  const now = process.clock.now();
  return [...held, ...probing]
    .filter(({ askedAt, expiresAt }) => expiresAt > now && askedAt >= process.wokeAt)
    .map((lease) => lease.id);
}

/** Time within which an idle process has told what it has to. Milliseconds. */
const IDLE_MS = 100;
