/**
 * Calls to open: how many calls reach a dependency that is down until fifty nodes have opened.
 *
 * The calls come as a load balancer sends them: to one node after the other, at a steady rate. Alone, each node has to see
 * its own twenty failures.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises';

import { type Fleet, startFleet } from '../../redis-lab/fleet.ts';
import type { RedisServer } from '../../redis-lab/redis-server.ts';
import type { BenchCommands, BenchSettings } from './bench-member.ts';

/** Nodes in all, and in each process. */
const [NODES, NODES_PER_PROCESS] = [50, 10];

/** Calls per second in the whole fleet. */
const CALLS_PER_SECOND = 100;

/** Gives up after as many calls as fifty nodes alone would take. */
const MAX_CALLS = 50 * 20;

const member = new URL('bench-member.ts', import.meta.url);

/** Counts the calls. */
export async function countCallsToOpen(server: RedisServer, mode: 'ruling' | 'window'): Promise<number> {
  const base = { port: server.port, user: undefined, breakers: 1, quorum: 2, mode } as const;
  const settings: BenchSettings = { ...base, namespace: `open-${mode}`, nodes: NODES_PER_PROCESS };
  await using fleet = await startFleet<BenchCommands>({
    module: member,
    count: NODES / NODES_PER_PROCESS,
    settings: () => settings,
  });
  await fleet.askAll('ready');
  await sleep(3000); // until all know how many they are
  const calls = await callInTurn(fleet);
  await fleet.askAll('close');
  return calls;
}

// --- internal ---

async function callInTurn(fleet: Fleet<BenchCommands>): Promise<number> {
  let reached = 0;
  const startedAt = performance.now();
  for (let call = 0; reached < MAX_CALLS; call++) {
    const node = call % NODES;
    const process = fleet.member(Math.floor(node / NODES_PER_PROCESS));
    if (await process.ask('failOnce', node % NODES_PER_PROCESS)) reached++;
    else if ((await openCount(fleet)) === NODES) return reached;
    await sleep(Math.max(0, startedAt + ((call + 1) * 1000) / CALLS_PER_SECOND - performance.now()));
  }
  return reached;
}

async function openCount(fleet: Fleet<BenchCommands>): Promise<number> {
  const counts = await fleet.askAll('openCount');
  return counts.reduce((sum, count) => sum + count, 0);
}
