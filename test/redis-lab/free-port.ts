/**
 * Free port: a TCP port of 127.0.0.1 that stays free while its server is down.
 *
 * Ports are taken below the range from which the kernel serves outgoing connections. A port of that range may be given to
 * somebody's client while the server restarts; worse, a client that keeps trying to reconnect to it can be connected to itself.
 *
 * @module
 */

import { once } from 'node:events';
import { createServer } from 'node:net';

const host = '127.0.0.1';
const lowest = 10_000;
const highest = 19_999;
/** A Redis Cluster node also listens at its port plus this. */
const busOffset = 10_000;
const given = new Set<number>();

/** Returns a port of 127.0.0.1 that nobody listens at, nor at the one {@link busOffset} above it; never the same one twice. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1));
    if (given.has(port)) continue;
    if ((await isFree(port)) && (await isFree(port + busOffset))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port from ${lowest} to ${highest}`);
}

// --- internal ---

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen({ port, host });
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}
