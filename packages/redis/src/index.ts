/**
 * Holdfast redis: what a fleet shares through Redis.
 *
 * @module
 */

export { type RedisClient } from './redis-client.ts';
export { StoreUnavailableError } from './lua-script.ts';
