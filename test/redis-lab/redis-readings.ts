/**
 * Redis readings: what a server says about itself, for assertions.
 *
 * @module
 */

import type { Redis } from 'ioredis';

/** What can be read from a server. Reading goes through its own connection and is not counted as a script call. */
export interface RedisReadings {
  /** Fields of INFO, of one section or of the usual ones. */
  info(section?: string): Promise<Readonly<Record<string, string>>>;
  /** Identity of this run of the server: another one after each start. */
  runId(): Promise<string>;
  /** Calls since the start, or since {@link resetCalls}, by command: `{ evalsha: 3, 'config|get': 1 }`. */
  calls(): Promise<Readonly<Record<string, number>>>;
  /** Calls of EVAL, EVALSHA and FCALL since the start, or since {@link resetCalls}; those that were refused as unknown count. */
  scriptCalls(): Promise<number>;
  /** Starts the counts of {@link calls} and {@link scriptCalls} again from 0. */
  resetCalls(): Promise<void>;
  /** Memory in use. Bytes. */
  memoryBytes(): Promise<number>;
  /** Processor time of its process, user and system. Milliseconds. */
  cpuMs(): Promise<number>;
  /** Every key of database 0, sorted. */
  keys(): Promise<string[]>;
  /** Keys of database 0 that never expire, sorted. A key that goes while they are read is not named. */
  keysWithoutTtl(): Promise<string[]>;
}

/** Reads through the client that `admin` returns. */
export function redisReadings(admin: () => Redis): RedisReadings {
  const info = async (section: string) => fieldsOf(await admin().info(section));
  const calls = async () => callsOf(await info('commandstats'));
  return {
    info: (section = 'default') => info(section),
    runId: async () => (await info('server'))['run_id'] ?? '',
    calls,
    scriptCalls: async () => scriptCallsOf(await calls()),
    resetCalls: async () => void (await admin().config('RESETSTAT')),
    memoryBytes: async () => Number((await info('memory'))['used_memory']),
    async cpuMs() {
      const { used_cpu_user: user, used_cpu_sys: system } = await info('cpu');
      return (Number(user) + Number(system)) * 1000;
    },
    keys: () => keysOf(admin()),
    keysWithoutTtl: () => keysWithoutTtl(admin()),
  };
}

// --- internal ---

async function keysOf(client: Redis): Promise<string[]> {
  const all = new Set<string>();
  for await (const page of client.scanStream({ count: 1000 })) for (const key of page as string[]) all.add(key);
  return [...all].toSorted();
}

async function keysWithoutTtl(client: Redis): Promise<string[]> {
  const keys = await keysOf(client);
  if (keys.length === 0) return [];
  const batch = client.pipeline();
  for (const key of keys) batch.pttl(key);
  const replies = (await batch.exec()) ?? [];
  return keys.filter((_, index) => replies[index]?.[1] === -1);
}

function scriptCallsOf(calls: Readonly<Record<string, number>>): number {
  const scripts = Object.entries(calls).filter(([command]) => /^(eval|evalsha|fcall)(_ro)?$/.test(command));
  return scripts.reduce((total, [, count]) => total + count, 0);
}

function fieldsOf(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

function callsOf(fields: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, text]) => {
      const calls = /(?:^|,)calls=(\d+)/.exec(text)?.[1];
      return name.startsWith('cmdstat_') && calls !== undefined ? [[name.slice('cmdstat_'.length), Number(calls)]] : [];
    }),
  );
}
