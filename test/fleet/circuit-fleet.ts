/**
 * Circuit fleet: processes that share one circuit in front of one dependency, with the server and the dependency.
 *
 * @module
 */

import type { CircuitBreakerOptions } from '@holdfast/core';

import { eventually } from '../redis-lab/eventually.ts';
import { type FlakyDependency, startFlakyDependency } from '../redis-lab/flaky-dependency.ts';
import { type Fleet, startFleet } from '../redis-lab/fleet.ts';
import type { SourceEdit } from '../redis-lab/member-program.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import type { CircuitCommands, CircuitSettings, MemberReport } from './circuit-member.ts';
import type { StorePlace } from './store-place.ts';

/** Processes in front of one dependency. */
export interface SharingFleet extends AsyncDisposable {
  readonly dependency: FlakyDependency;
  readonly fleet: Fleet<CircuitCommands>;
  /** Waits until the reports of all that run are as `holds` says. Returns the reports. */
  readonly until: (
    what: string,
    holds: (report: MemberReport, index: number) => boolean,
    limitMs?: number,
  ) => Promise<readonly MemberReport[]>;
}

/** Processes with a server of their own. */
export interface CircuitFleet extends SharingFleet {
  readonly server: RedisServer;
}

/** What a {@link SharingFleet} is made of. */
export interface SharingPlan {
  readonly count: number;
  readonly options: CircuitBreakerOptions;
  /** Where the store of a process is. */
  readonly placeOf: (index: number) => StorePlace;
  /** @defaultValue 'fleet' */
  readonly namespace?: string;
  /** Sends a process elsewhere than to the dependency. */
  readonly urlOf?: (index: number, url: string) => string;
  /** A dependency that others have started, and end; by default its own. */
  readonly dependency?: FlakyDependency;
  /** What the names of its processes begin with. @defaultValue 'p' */
  readonly names?: string;
  /** Makes it of other sources than those that are here. */
  readonly edits?: readonly SourceEdit[];
}

/** Starts processes; they may not share yet. */
export async function startSharing(plan: SharingPlan): Promise<SharingFleet> {
  const { count, options, placeOf, namespace = 'fleet', urlOf = (_index, url) => url, names = 'p', edits } = plan;
  const dependency = plan.dependency ?? (await startFlakyDependency());
  const fleet = await startFleet<CircuitCommands>({
    module: new URL('circuit-member.ts', import.meta.url),
    count,
    ...(edits !== undefined && { edits }),
    settings: (index): CircuitSettings => ({
      place: placeOf(index),
      namespace,
      options,
      url: urlOf(index, dependency.url),
      node: `${names}${index}`,
    }),
  });
  const stop = async (): Promise<void> => {
    await fleet.stop();
    if (plan.dependency === undefined) await dependency.stop();
  };
  return { dependency, fleet, until: untilOf(fleet), [Symbol.asyncDispose]: stop };
}

/** Starts `count` processes and their server, and waits until they share. `urlOf` may send one elsewhere than to the dependency. */
export async function startCircuitFleet(
  count: number,
  options: CircuitBreakerOptions,
  urlOf: (index: number, url: string) => string = (_index, url) => url,
): Promise<CircuitFleet> {
  const server = await startRedisServer();
  const placeOf = (): StorePlace => ({ kind: 'lone', port: server.port });
  const sharing = await startSharing({ count, options, placeOf, urlOf });
  await sharing.fleet.askAll('ready');
  await sharing.until('a fleet that knows how many it is', ({ nodes }) => nodes === count);
  const stop = async (): Promise<void> => {
    await sharing[Symbol.asyncDispose]();
    await server.stop();
  };
  return { ...sharing, server, [Symbol.asyncDispose]: stop };
}

// --- internal ---

function untilOf(fleet: Fleet<CircuitCommands>): SharingFleet['until'] {
  return async (what, holds, limitMs = 40_000) => {
    let last: readonly MemberReport[] = [];
    const look = async (): Promise<false | readonly MemberReport[]> => {
      last = await fleet.askAll('report');
      return last.every(holds) && last;
    };
    try {
      return await eventually(look, { what, limitMs, everyMs: 50 });
    } catch (error) {
      throw new Error(`${String(error)}\n${last.map((report) => JSON.stringify(report)).join('\n')}`, { cause: error });
    }
  };
}
