/**
 * Faults: what befalls a simulated world, at random.
 *
 * @module
 */

import type { World } from './world.ts';

const holds = ['forced-open', 'forced-closed', 'auto', 'closed'] as const;

/** One kind of fault: how often it comes among all, and what it does. */
interface Fault {
  readonly name: string;
  readonly weight: number;
  readonly strike: (world: World) => void | Promise<void>;
}

const faults: readonly Fault[] = [
  {
    name: 'a dependency changes',
    weight: 24,
    strike: (world) => world.traffic.toggle(pick(world, world.plan.circuits)),
  },
  { name: 'a process sleeps', weight: 10, strike: (world) => nap(world, false) },
  { name: 'a machine is suspended', weight: 4, strike: (world) => nap(world, true) },
  { name: 'a process dies', weight: 8, strike: (world) => world.replace(anyOf(world)) },
  { name: 'a process leaves', weight: 5, strike: (world) => world.leave(anyOf(world)) },
  { name: 'a subscription is lost', weight: 6, strike: dropSubscription },
  { name: 'a process is sick', weight: 6, strike: (world) => forAWhile(world, (process, is) => (process.isSick = is)) },
  {
    name: 'a process has no calls',
    weight: 4,
    strike: (world) => forAWhile(world, (process, is) => (process.isQuiet = is)),
  },
  { name: 'FLUSHALL', weight: 7, strike: (world) => world.ledger.flushAll() },
  { name: 'the ledger restarts empty', weight: 6, strike: (world) => world.ledger.restart() },
  {
    name: 'a replica takes over',
    weight: 14,
    strike: (world) => world.ledger.failOver(world.random() ** 2 * MAX_LAG_MS),
  },
  { name: 'all is lost but one that sleeps', weight: 2, strike: wipe },
  { name: 'the ledger is away', weight: 5, strike: (world) => world.goAway(200 + world.random() * 4000) },
  { name: 'the ledger is away for long', weight: 1, strike: (world) => world.goAway(LONG_AWAY_MS) },
  {
    name: 'an operator acts',
    weight: 6,
    strike: (world) => world.hold(pick(world, holds), pick(world, world.plan.circuits)),
  },
];

/** Time for which the ledger is away so that all nodes with demand must have probed by themselves. Milliseconds. */
export const LONG_AWAY_MS = 25_000;

/** Lets something befall the world. */
export function strike(world: World): void | Promise<void> {
  if (world.processes.length === 0) return undefined; // the next ones start already
  let left = world.random() * total;
  for (const fault of faults) {
    left -= fault.weight;
    if (left >= 0) continue;
    world.note('fault', fault.name);
    world.facts.count(fault.name);
    return fault.strike(world);
  }
  return undefined;
}

// --- internal ---

const total = faults.reduce((sum, { weight }) => sum + weight, 0);

/** How far behind a replica may be. Milliseconds. */
const MAX_LAG_MS = 3000;

function pick<T>({ random }: World, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T;
}

function anyOf(world: World): World['processes'][number] {
  return pick(world, world.processes);
}

function nap(world: World, withClock: boolean): void {
  const process = anyOf(world);
  const ms = world.random() < 0.8 ? world.random() * 3000 : world.random() * 40_000;
  process.sleep(withClock);
  world.agenda.after(ms, () => process.wake());
}

function dropSubscription(world: World): void {
  const process = anyOf(world);
  process.subscribe(false);
  world.agenda.after(world.random() * 6000, () => process.subscribe(true));
}

function forAWhile(world: World, set: (process: World['processes'][number], is: boolean) => void): void {
  const process = anyOf(world);
  set(process, true);
  world.agenda.after(world.random() * 40_000, () => set(process, false));
}

/** All processes and the ledger are lost, but for one that sleeps and comes back with what it knew. */
async function wipe(world: World): Promise<void> {
  const survivor = anyOf(world);
  survivor.sleep(false);
  for (const process of world.processes) if (process !== survivor) world.replace(process);
  await (world.random() < 0.5 ? world.ledger.flushAll() : world.ledger.restart());
  world.agenda.after(1000 + world.random() * 15_000, () => survivor.wake());
}
