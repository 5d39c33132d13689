/**
 * Holdfast redis: what a fleet shares through Redis.
 *
 * @module
 */

export { type RedisClient } from './redis-client.ts';
export { StoreUnavailableError } from './lua-script.ts';
export { type StoreTrouble } from './server-trouble.ts';

// Circuit store
export {
  type AuditEntry,
  type CircuitStoreDeniedEvent,
  type CircuitStoreDisagreedEvent,
  type CircuitStoreEvent,
  type CircuitStoreEventSource,
  type CircuitStoreIncompatibleEvent,
  type CircuitStoreModeChangedEvent,
  type CircuitStoreRecoveredEvent,
  type HoldWish,
  type OperatorNote,
  type QuorumRule,
  type RedisCircuitStore,
  type RedisCircuitStoreOptions,
  type RedisStoreHealth,
  type ServerOperation,
  redisCircuitStore,
  redisCircuitStoreDefaults,
} from './circuit-store/redis-circuit-store.ts';

// Feature store
export {
  type FeatureAuditEntry,
  type FeatureServerOperation,
  type FeatureStoreDeniedEvent,
  type FeatureStoreEvent,
  type FeatureStoreEventSource,
  type FeatureStoreHealth,
  type FeatureStoreLostEvent,
  type FeatureStoreModeChangedEvent,
  type FeatureStoreRecoveredEvent,
  type FeatureStoreRefusedEvent,
  type FeatureStoreWatch,
  type RecordSeal,
  type RedisFeatureStore,
  type RedisFeatureStoreOptions,
  type SharedCondition,
  type SharedFeature,
  type SharedFeatureChange,
  type SharedOverride,
  redisFeatureStore,
  redisFeatureStoreDefaults,
} from './feature-store/redis-feature-store.ts';

// Level ballot
export {
  type RedisLevelBallot,
  type RedisLevelBallotOptions,
  type SharedLevelVote,
  redisLevelBallot,
  redisLevelBallotDefaults,
} from './level-ballot/redis-level-ballot.ts';

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

// Once
export {
  OnceFailedError,
  type OnceFailure,
  type OnceGrant,
  type OnceLeaseLostEvent,
  OnceLeaseLostError,
  OnceResultNotKeptError,
  type OnceRetriedEvent,
  OnceUnrecordedError,
  type RedisOnce,
  type RedisOnceOptions,
  redisOnce,
  redisOnceDefaults,
} from './once/redis-once.ts';

// Outbox
export {
  OutboxItemError,
  type OutboxRisk,
  type RedisDeadItem,
  type RedisOutbox,
  type RedisOutboxCounts,
  type RedisOutboxEntry,
  type RedisOutboxOptions,
  redisOutbox,
  redisOutboxDefaults,
} from './outbox/redis-outbox.ts';
