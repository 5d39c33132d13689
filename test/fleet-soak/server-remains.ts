/**
 * Server remains: what a soak has left on its server: connections, leases, nodes, keys that stay for ever.
 *
 * @module
 */

import type { RedisServer } from '../redis-lab/redis-server.ts';
import type { TcpProxy } from '../redis-lab/tcp-proxy.ts';

/** Keys there may be: of 2 places with 5 shards in all, and of 14 circuits in each. */
const MAX_KEYS = 5 * 5 + 2 * 14 * 3;

/** What must not be on the server at any time, as sentences. */
export async function wrongKeys(server: RedisServer): Promise<readonly string[]> {
  const endless = await server.keysWithoutTtl();
  const all = await server.keys();
  return [
    ...endless.map((key) => `${key} has no time to live`),
    ...(all.length > MAX_KEYS ? [`there are ${all.length} keys, and ${MAX_KEYS} is the most`] : []),
  ];
}

/** What must not be there when all stores are closed, as sentences; `left` are nodes that have left, and were not killed. */
export async function serverRemains(
  server: RedisServer,
  proxy: TcpProxy,
  left: readonly string[],
): Promise<readonly string[]> {
  const connections = String(await server.admin.call('CLIENT', 'LIST'))
    .trim()
    .split('\n').length;
  const keys = await server.keys();
  const leases = await Promise.all(keys.filter((key) => key.includes(':b:')).map((key) => liveLeases(server, key)));
  const nodes = await Promise.all(keys.filter((key) => key.endsWith(':n')).map((key) => listed(server, key, left)));
  const { open } = proxy.counts();
  return [
    ...(connections > 1 ? [`${connections - 1} connections to the server are left`] : []),
    ...(open > 0 ? [`${open} connections through the network are left`] : []),
    ...leases.flat(),
    ...nodes.flat(),
  ];
}

// --- internal ---

/** A lease is `l:<name>` = `<expiry in microseconds> <node>`. */
async function liveLeases(server: RedisServer, key: string): Promise<readonly string[]> {
  const [seconds, micros] = (await server.admin.time()).map(Number);
  const nowUs = Number(seconds) * 1_000_000 + Number(micros);
  const fields = Object.entries(await server.admin.hgetall(key));
  return fields
    .filter(([name, value]) => name.startsWith('l:') && Number.parseInt(value, 10) > nowUs)
    .map(([name, value]) => `the lease ${name} of ${key} is out: ${value}`);
}

/** Processes that were killed are on the list for a while; those that have left are not. */
async function listed(server: RedisServer, key: string, left: readonly string[]): Promise<readonly string[]> {
  const nodes = await server.admin.zrange(key, 0, '-1');
  return nodes.filter((node) => left.includes(node)).map((node) => `${node} is on the list of ${key}`);
}
