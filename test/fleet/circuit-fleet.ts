/**
 * Circuit fleet: processes that share one circuit in front of one dependency, with the server and the dependency.
 *
 * @module
 */

import type { CircuitBreakerOptions } from '@holdfast/core';

import { eventually } from '../redis-lab/eventually.ts';
import { type FlakyDependency, startFlakyDependency } from '../redis-lab/flaky-dependency.ts';
import { type Fleet, startFleet } from '../redis-lab/fleet.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import type { CircuitCommands, CircuitSettings, MemberReport } from './circuit-member.ts';

/** What a test works with. */
export interface CircuitFleet extends AsyncDisposable {
  readonly server: RedisServer;
  readonly dependency: FlakyDependency;
  readonly fleet: Fleet<CircuitCommands>;
  /** Waits until the reports of all that run are as `holds` says. Returns the reports. */
  readonly until: (
    what: string,
    holds: (report: MemberReport) => boolean,
    limitMs?: number,
  ) => Promise<readonly MemberReport[]>;
}

/** Starts `count` processes. `urlOf` may send one elsewhere than to the dependency. */
export async function startCircuitFleet(
  count: number,
  options: CircuitBreakerOptions,
  urlOf: (index: number, url: string) => string = (_index, url) => url,
): Promise<CircuitFleet> {
  const server = await startRedisServer();
  const dependency = await startFlakyDependency();
  const base = { port: server.port, namespace: 'fleet', options };
  const fleet = await startFleet<CircuitCommands>({
    module: new URL('circuit-member.ts', import.meta.url),
    count,
    settings: (index): CircuitSettings => ({ ...base, url: urlOf(index, dependency.url) }),
  });
  await fleet.askAll('ready');
  const until: CircuitFleet['until'] = (what, holds, limitMs = 20_000) =>
    eventually(
      async () => {
        const reports = await fleet.askAll('report');
        return reports.every(holds) && reports;
      },
      { what, limitMs, everyMs: 50 },
    );
  await until('a fleet that knows how many it is', ({ nodes }) => nodes === count);
  return { server, dependency, fleet, until, [Symbol.asyncDispose]: () => stop(fleet, server, dependency) };
}

// --- internal ---

async function stop(fleet: Fleet<CircuitCommands>, server: RedisServer, dependency: FlakyDependency): Promise<void> {
  await fleet.stop();
  await server.stop();
  await dependency.stop();
}
