/**
 * Holdfast core: every public name, grouped by concept.
 *
 * @module
 */

// Context
export { type AbortSignalLike } from './kernel/signal-scope.ts';
export { CancelledError, DeadlineExceededError, isCancelled, isTimeout } from './kernel/cancellation.ts';
export { type CancellableContext, Context, type ContextKey, contextKey } from './kernel/context.ts';

// Policies and pipelines
export {
  type CallCounts,
  type Pipeline,
  type PipelineOptions,
  type SubstituteOf,
  pipeline,
  pipelineDefaults,
} from './kernel/pipeline.ts';
export { type Handler, type Layer, type Operation, type Sink } from './kernel/handler.ts';
export { type LayeredPolicy, type NamedPolicy, type Policy, type PolicyParts, createPolicy } from './kernel/policy.ts';
export { type Classify, type Outcome, type Verdict, classifyByError } from './kernel/outcome.ts';

// Where values come from
export {
  type Provenance,
  type Sourced,
  type SubstituteReason,
  type ValueSource,
  sourced,
} from './kernel/provenance.ts';

// Ports
export { type Clock, type Timer, UNREAD, readOnce, systemClock } from './kernel/clock.ts';
export { type EventListener, type Events, type PolicyEvent, createEvents } from './kernel/events.ts';
export { type HookErrorHandler, onHookError } from './kernel/hooks.ts';
export { type CaptureAsyncContext, bindAsyncContext } from './kernel/async-context.ts';
export { type DefaultsOf, type PolicyPorts } from './kernel/ports.ts';
export { type Random, systemRandom } from './kernel/random.ts';

// Errors
export {
  HookError,
  RejectionError,
  ResilienceError,
  type ResilienceErrorDetails,
  isRejection,
  isResilienceError,
} from './kernel/errors.ts';
export { ConfigError } from './kernel/options.ts';

// For policies and adapters of your own
export { nameErrorClass } from './kernel/errors.ts';
export { reportHookError } from './kernel/hooks.ts';
export { inRange, integerInRange, isFunction, isName, oneOf, withDefaults, withKnown } from './kernel/options.ts';

export {
  type JsonSchema,
  type OptionRule,
  type OptionRules,
  anyFunction,
  checkOptions,
  either,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
  share,
  trueOrFalse,
} from './kernel/option-rules.ts';
export {
  type Describable,
  type Enforcement,
  type HasAlternatives,
  type PolicyDescription,
  type PolicyKind,
  type PolicyTraits,
  type Updatable,
  enforcements,
} from './kernel/description.ts';

// Description and warnings
export { type PolicyTree, describe, draw } from './inspection/describe.ts';
export { type Warning, warningRules, warnings } from './inspection/warnings.ts';
export { type WarningRule } from './inspection/warning-rules.ts';
export { type WorstCase } from './inspection/worst-case.ts';

// Configuration
export { type ConfigProblem, ConfigurationError } from './config/config-problem.ts';
export { type ConfigSchemaOptions, configSchema } from './config/config-schema.ts';
export { type NamedFunctions } from './config/config-value.ts';
export { type Configuration, type ConfigureOptions, configure } from './config/configure.ts';
export { builtInKinds } from './config/built-in-kinds.ts';

// Registry
export {
  type NamedOptions,
  type PolicyChange,
  type Registry,
  type RegistryOptions,
  createRegistry,
  registryDefaults,
} from './registry/registry.ts';

// bulkhead
export {
  type Bulkhead,
  type BulkheadChanges,
  BulkheadFullError,
  type BulkheadOptions,
  type BulkheadOrder,
  type BulkheadPermit,
  type BulkheadRefusal,
  type BulkheadRejectedEvent,
  type BulkheadSnapshot,
  bulkhead,
  bulkheadDefaults,
  bulkheadKind,
  bulkheadRules,
} from './policies/bulkhead/bulkhead.ts';

// chaos
export {
  type Chaos,
  type ChaosAim,
  type ChaosBehaviour,
  type ChaosChanges,
  ChaosError,
  type ChaosFault,
  type ChaosInjectedEvent,
  type ChaosInjection,
  type ChaosInjectionKind,
  type ChaosLatency,
  type ChaosOptions,
  type ChaosOutcome,
  type ChaosSnapshot,
  type ChaosStopReason,
  type ChaosStoppedEvent,
  type ChaosTarget,
  chaos,
  chaosDefaults,
  chaosKind,
  chaosRules,
} from './policies/chaos/chaos.ts';

// cache
export {
  type Cache,
  type CacheChanges,
  type CacheEvictedEvent,
  type CacheMissedEvent,
  type CacheOptions,
  type CacheRefreshFailedEvent,
  type CacheRefreshedEvent,
  type CacheServedEvent,
  type CacheSnapshot,
  type CachedValue,
  cache,
  cacheDefaults,
  cacheKind,
  cacheRules,
} from './policies/cache/cache.ts';

// circuit-breaker
export {
  type CircuitBreaker,
  type CircuitBreakerChanges,
  type CircuitBreakerOptions,
  type CircuitHold,
  CircuitOpenError,
  type CircuitPermit,
  type CircuitRecord,
  type CircuitRejectedEvent,
  type CircuitSnapshot,
  type CircuitState,
  type CircuitTransitionEvent,
  type CircuitWindow,
  type HeldState,
  type HoldOptions,
  type HoldRecord,
  type HoldableBreaker,
  type MachineState,
  type Refusal,
  type ShouldOpen,
  type TripReason,
  type WindowCounts,
  type WindowRecord,
  type WindowRun,
  circuitBreaker,
  circuitBreakerDefaults,
  circuitBreakerKind,
  circuitBreakerRules,
} from './policies/circuit-breaker/circuit-breaker.ts';

// coalesce
export {
  type Coalesce,
  type CoalesceChanges,
  type CoalesceOptions,
  type CoalesceSharedEvent,
  type CoalesceSnapshot,
  coalesce,
  coalesceDefaults,
  coalesceKind,
  coalesceRules,
} from './policies/coalesce/coalesce.ts';

// fallback
export {
  BadResultError,
  type Fallback,
  type FallbackChanges,
  FallbackError,
  type FallbackOptions,
  type FallbackSnapshot,
  type FallbackStep,
  type FallbackUsedEvent,
  fallback,
  fallbackDefaults,
  fallbackKind,
  fallbackRules,
} from './policies/fallback/fallback.ts';

// hedge
export {
  type Hedge,
  type HedgeChanges,
  type HedgeOptions,
  type HedgeReason,
  type HedgeSnapshot,
  type HedgeStartedEvent,
  type HedgeWonEvent,
  type LatencyQuantile,
  hedge,
  hedgeDefaults,
  hedgeKind,
  hedgeRules,
} from './policies/hedge/hedge.ts';

// keyed
export {
  type EvictionReason,
  type Keyed,
  type KeyedChanges,
  type KeyedCreatedEvent,
  type KeyedEvictedEvent,
  type KeyedOptions,
  type KeyedScatteredEvent,
  type KeyedSnapshot,
  type MemberChangesOf,
  keyed,
  keyedDefaults,
  keyedKind,
  keyedRules,
} from './policies/keyed/keyed.ts';

// noop
export {
  type Noop,
  type NoopChanges,
  type NoopOptions,
  noop,
  noopDefaults,
  noopKind,
  noopRules,
} from './policies/noop/noop.ts';

// rate-limiter
export {
  RateLimitedError,
  type RateLimiter,
  type RateLimiterChanges,
  type RateLimiterGrant,
  type RateLimiterOptions,
  type RateLimiterRejectedEvent,
  type RateLimiterSnapshot,
  rateLimiter,
  rateLimiterDefaults,
  rateLimiterKind,
  rateLimiterRules,
} from './policies/rate-limiter/rate-limiter.ts';

// retry
export {
  type BackoffFunction,
  type BackoffKind,
  type FailedTry,
  type Retry,
  type RetryAfter,
  type RetryAttempt,
  type RetryBudget,
  type RetryBudgetOptions,
  type RetryBudgetSnapshot,
  type RetryChanges,
  type RetryGaveUpEvent,
  type RetryGaveUpReason,
  type RetryOptions,
  type RetryScheduledEvent,
  type RetrySnapshot,
  createRetryBudget,
  parseRetryAfterMs,
  retry,
  retryAttemptOf,
  retryBudgetDefaults,
  retryBudgetRules,
  retryDefaults,
  retryKind,
  retryRules,
} from './policies/retry/retry.ts';

// timeout
export {
  type Timeout,
  type TimeoutChanges,
  TimeoutError,
  type TimeoutExpiredEvent,
  type TimeoutOptions,
  type TimeoutSettledLateEvent,
  type TimeoutSnapshot,
  timeout,
  timeoutDefaults,
  timeoutKind,
  timeoutRules,
} from './policies/timeout/timeout.ts';
