/**
 * Acts of Redis: it is killed while the circuit is open, and comes back with nothing in it.
 *
 * @module
 */

import { circuitRules } from './circuit-rules.ts';
import { type Stage, allAre, PATIENCE_MS, reach, shown, watchProbes } from './stage.ts';
import { sleep, until } from './waiting.ts';

/** The dependency fails, all open, and Redis dies: each process decides alone, and probes once in a while. */
export async function killRedis(stage: Stage): Promise<void> {
  const { dependency, fleet, redis, figures, signal, note } = stage;
  dependency.isFailing = true;
  await allAre(stage, 'open');
  await redis.kill();
  note('Redis is killed');
  fleet.forget();
  await watchProbes(stage);
  const aloneMs = await until(() => fleet.every(({ mode }) => mode === 'local'), { ms: PATIENCE_MS, signal });
  note(`all know after ${shown(aloneMs)} that they decide alone`);
  await until(() => haveProbed(stage) === fleet.members.length, { ms: PATIENCE_MS, signal });
  const { arrivals, mostOfOneCaller } = dependency.watched;
  const times = arrivals.map(({ at }) => at);
  const spreadMs = arrivals.length === 0 ? undefined : Math.max(...times) - Math.min(...times);
  const worstMs = Math.max(...fleet.members.map((member) => member.worstMs));
  figures.note('outage.worst_call_ms', worstMs);
  figures.note('outage.lone_probes', arrivals.length);
  figures.note('outage.lone_of_one', mostOfOneCaller);
  figures.note('outage.lone_spread_ms', spreadMs ?? 0);
  note(`the worst call took ${worstMs.toFixed(1)} ms; ${arrivals.length} lone probes within ${shown(spreadMs)}`);
}

/** Redis starts with nothing in it: rulings are told again. Then the dependency recovers, and all close. */
export async function comeBackEmpty(stage: Stage): Promise<void> {
  const { dependency, fleet, redis, figures, signal, note } = stage;
  const known = Math.max(...fleet.members.map(({ status }) => status?.fleet.ruling.epoch ?? 0));
  await redis.restart();
  note('Redis is back, and empty');
  const isAgreed = (): boolean =>
    fleet.every(({ mode, fleet: { view } }) => mode === 'shared' && view === 'fresh') && epochs(stage).size === 1;
  const agreedMs = await until(isAgreed, { ms: PATIENCE_MS, signal });
  const [epoch = 0] = epochs(stage);
  figures.note('back.agreed_ms', epoch >= known ? agreedMs : undefined);
  const what = epoch === known ? 'the ruling from before' : 'a newer ruling';
  note(`all share again after ${shown(agreedMs)}, and know ${what}`);
  figures.note('recovery.closed_ms', await reach(stage, 'closed', () => (dependency.isFailing = false)));
  await sleep({ ms: circuitRules.rampUpMs, signal });
}

// --- internal ---

function haveProbed({ dependency }: Stage): number {
  return new Set(dependency.watched.arrivals.map(({ caller }) => caller)).size;
}

function epochs({ fleet }: Stage): Set<number> {
  return new Set(fleet.members.map(({ status }) => status?.fleet.ruling.epoch ?? 0));
}
