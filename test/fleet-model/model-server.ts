/**
 * Model server: a Redis server of its own for a run of the model, and the connection to it: a socket, and as few writes to it
 * as there can be.
 *
 * @module
 */

import type { Redis } from 'ioredis';

import { startRedisServer } from '../redis-lab/redis-server.ts';

/** A server that is there until it is disposed of. */
export interface ModelServer extends AsyncDisposable {
  readonly redis: Redis;
}

/** Starts one. */
export async function startModelServer(): Promise<ModelServer> {
  const server = await startRedisServer({ config: ['unixsocket redis.sock'] });
  const redis = server.connect({ path: `${server.folder}/redis.sock`, enableAutoPipelining: true });
  return { redis, [Symbol.asyncDispose]: () => server.stop() };
}
