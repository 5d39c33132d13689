/**
 * Trip time: how long it takes until a circuit that one process has opened is open in eight others.
 *
 * @module
 */

import { startFleet } from '../../redis-lab/fleet.ts';
import { eventually } from '../../redis-lab/eventually.ts';
import type { RedisServer } from '../../redis-lab/redis-server.ts';
import type { BenchCommands, BenchSettings } from './bench-member.ts';
import { type Percentiles, percentilesOf } from './percentiles.ts';

/** How to measure. */
export interface TripPlan {
  readonly trips: number;
  /** A user without the right to subscribe sees changes by polling only. */
  readonly user?: string;
}

/** Processes that hear of a trip. */
const HEARERS = 8;

const member = new URL('bench-member.ts', import.meta.url);

/** Measures. Milliseconds. */
export async function measureTripMs(server: RedisServer, { trips, user }: TripPlan): Promise<Percentiles> {
  const heard = new Map<number, { readonly index: number; readonly atUs: number }[]>();
  const settings: BenchSettings = {
    port: server.port,
    user,
    namespace: `trip-${user ?? 'heard'}`,
    breakers: trips,
    quorum: 1,
    mode: 'ruling',
    nodes: 1,
  };
  await using fleet = await startFleet<BenchCommands>({
    module: member,
    count: HEARERS + 1,
    settings: () => settings,
    told: ({ index, value }) => {
      const { circuit, atUs } = value as { readonly circuit: number; readonly atUs: number };
      heard.set(circuit, [...(heard.get(circuit) ?? []), { index, atUs }]);
    },
  });
  if ((await fleet.askAll('ready')).includes(false)) throw new Error('not all processes share');
  const latencies: number[] = [];
  for (let circuit = 0; circuit < trips; circuit++) {
    const tripper = circuit % (HEARERS + 1);
    const trippedUs = await fleet.member(tripper).ask('trip', circuit);
    await eventually(() => heard.get(circuit)?.length === HEARERS + 1, {
      what: `trip ${circuit} in all processes`,
      everyMs: 2,
    });
    for (const { index, atUs } of heard.get(circuit) ?? []) {
      if (index !== tripper) latencies.push(Math.max(0, atUs - trippedUs) / 1000);
    }
  }
  await fleet.askAll('close');
  return percentilesOf(latencies);
}
