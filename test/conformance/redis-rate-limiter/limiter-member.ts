/**
 * Limiter member: one process of a fleet that shares a rate, and logs what it was granted, gave back and started.
 *
 * @module
 */

import { systemClock, systemRandom } from '@holdfast/core';
import { Redis } from 'ioredis';

import { limiterOver, rateLimiterSettings } from '../../../packages/redis/src/rate-limiter/redis-rate-limiter.ts';
import { type ScriptInput, type ScriptLink, openLink } from '../../../packages/redis/src/script-link.ts';
import { serveFleet } from '../../redis-lab/fleet-member.ts';

/** What a process is started with. */
export interface LimiterMemberSettings {
  readonly port: number;
  readonly maxPerInterval: number;
  readonly maxBurst: number;
  readonly maxWaitMs: number;
}

/** A steady load. */
export interface Load {
  readonly perSecond: number;
  readonly forMs: number;
}

/** Instants, in milliseconds of the machine's time, and how many. */
export type Log = readonly (readonly [at: number, count: number])[];

/** What came of a load. */
export interface LoadReport {
  readonly started: Log;
  readonly granted: Log;
  readonly returned: Log;
  readonly refused: number;
  readonly longestTurnMs: number;
}

/** What a process can be asked. */
export interface LimiterCommands {
  load(load: Load): Promise<LoadReport>;
  requests(): number;
  mode(): string;
  close(): Promise<void>;
}

const granted: [number, number][] = [];
const returned: [number, number][] = [];

serveFleet<LimiterCommands, LimiterMemberSettings>(({ settings }) => {
  const client = new Redis(settings.port, { lazyConnect: true });
  const { maxPerInterval, maxBurst, maxWaitMs } = settings;
  const options = { namespace: 'fleet', name: 'quota', maxPerInterval, maxBurst, maxWaitMs, commandTimeoutMs: 2000 };
  const clocks = { clock: systemClock, random: systemRandom };
  const link = openLink(client, { ...clocks, commandTimeoutMs: 2000 });
  const policy = limiterOver(logged(link), rateLimiterSettings(options));
  return {
    load: (load) => drive(load, (start) => policy.execute(start)),
    requests: () => link.health().answered,
    mode: () => policy.snapshot().mode,
    close: async () => {
      await policy.close();
      client.disconnect();
    },
  };
});

/** Notes what the server granted, when it did, and what was given back. */
function logged(link: ScriptLink): ScriptLink {
  const run = link.run.bind(link);
  link.run = async (script, input: ScriptInput) => {
    const reply = (await run(script, input)) as [number, string, number, number, number, number];
    const at = Number(reply[1]) / 1000;
    if (reply[5] === 0) granted.push([at, reply[0]]);
    if (reply[5] === 0) returned.push([at, Number(input.args[4])]);
    return reply;
  };
  return link;
}

async function drive({ perSecond, forMs }: Load, call: (start: () => void) => Promise<void>): Promise<LoadReport> {
  const started: [number, number][] = [];
  let [refused, longestTurnMs, called] = [0, 0, 0];
  const from = performance.now();
  for (let at = from; at < from + forMs; at = performance.now()) {
    const due = Math.floor(((at - from) / 1000) * perSecond);
    for (; called < due; called++) {
      call(() => void started.push([Date.now(), 1])).catch(() => void refused++);
    }
    longestTurnMs = Math.max(longestTurnMs, performance.now() - at);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { started, granted, returned, refused, longestTurnMs };
}
