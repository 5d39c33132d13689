/**
 * Script rate: how many scripts a process runs on the server per second, with a thousand breakers that rest and that are busy.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises';

import { startFleet } from '../../redis-lab/fleet.ts';
import type { RedisServer } from '../../redis-lab/redis-server.ts';
import type { BenchCommands, BenchSettings } from './bench-member.ts';

/** Script calls per second and process. */
export interface ScriptRate {
  readonly idle: number;
  readonly busy: number;
}

/** Processes, breakers in each, and calls per second in each when they are busy. */
const [PROCESSES, BREAKERS, CALLS_PER_SECOND] = [4, 1000, 20_000];

const member = new URL('bench-member.ts', import.meta.url);

/** Measures for `seconds` each. */
export async function measureScriptRate(server: RedisServer, seconds: number): Promise<ScriptRate> {
  const base = { port: server.port, user: undefined, quorum: 2, mode: 'ruling', nodes: 1 } as const;
  const settings: BenchSettings = { ...base, namespace: 'rate', breakers: BREAKERS };
  await using fleet = await startFleet<BenchCommands>({ module: member, count: PROCESSES, settings: () => settings });
  await fleet.askAll('ready');
  await sleep(2000); // the first polls are closer together
  const idle = await rateOver(server, seconds);
  await fleet.askAll('load', CALLS_PER_SECOND);
  await sleep(1000);
  const busy = await rateOver(server, seconds);
  await fleet.askAll('load', 0);
  await fleet.askAll('close');
  return { idle, busy };
}

// --- internal ---

async function rateOver(server: RedisServer, seconds: number): Promise<number> {
  await server.resetCalls();
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  const scripts = await server.scriptCalls();
  return scripts / ((performance.now() - startedAt) / 1000) / PROCESSES;
}
