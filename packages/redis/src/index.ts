/**
 * Holdfast redis: what a fleet shares through Redis.
 *
 * @module
 */

export { type RedisClient } from './redis-client.ts';
export { StoreUnavailableError } from './lua-script.ts';

// Rate limiter
export {
  type RateLimiterDisagreedEvent,
  type RateLimiterModeChangedEvent,
  type RedisRateLimiter,
  type RedisRateLimiterChanges,
  type RedisRateLimiterOptions,
  type SharedRateLimiterSnapshot,
  type SupplyMode,
  redisRateLimiter,
  redisRateLimiterDefaults,
} from './rate-limiter/redis-rate-limiter.ts';
export { type LinkHealth } from './script-link.ts';
