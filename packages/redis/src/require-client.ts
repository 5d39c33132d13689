/**
 * Require client: what is handed in must be a client of ioredis, or its user hears of it at once, and by name.
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

import { refuseKeyPrefix } from './own-connection.ts';
import type { RedisClient } from './redis-client.ts';

/**
 * Checks the client that `place` was handed.
 *
 * @throws ConfigError when it is no client of ioredis, or has a `keyPrefix`.
 */
export function requireClient(place: string, client: RedisClient): void {
  const { status, duplicate } = (client ?? {}) as Partial<Record<keyof RedisClient, unknown>>;
  if (typeof status !== 'string' || typeof duplicate !== 'function')
    throw new ConfigError(`${place}.redis`, 'a client of ioredis', client);
  refuseKeyPrefix(client);
}
