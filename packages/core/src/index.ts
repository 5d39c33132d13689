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

// Ports
export { type Clock, type Timer, UNREAD, readOnce, systemClock } from './kernel/clock.ts';
export { type EventListener, type Events, type PolicyEvent, createEvents } from './kernel/events.ts';
export { type HookErrorHandler, onHookError } from './kernel/hooks.ts';
export { type CaptureAsyncContext, bindAsyncContext } from './kernel/async-context.ts';
export { type PolicyPorts } from './kernel/ports.ts';
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
  type PolicyDescription,
  type PolicyKind,
  type PolicyTraits,
  type Updatable,
  enforcements,
} from './kernel/description.ts';

// Registry
export {
  type NamedOptions,
  type Registry,
  type RegistryOptions,
  createRegistry,
  registryDefaults,
} from './registry/registry.ts';

// bulkhead
export {
  type Bulkhead,
  BulkheadFullError,
  type BulkheadOptions,
  type BulkheadRejectedEvent,
  type BulkheadSnapshot,
  bulkhead,
  bulkheadDefaults,
} from './policies/bulkhead/bulkhead.ts';

// circuit-breaker
export {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  CircuitOpenError,
  type CircuitRejectedEvent,
  type CircuitSnapshot,
  type CircuitState,
  type CircuitTransitionEvent,
  type CircuitWindow,
  type Refusal,
  circuitBreaker,
  circuitBreakerDefaults,
} from './policies/circuit-breaker/circuit-breaker.ts';

// coalesce
export {
  type Coalesce,
  type CoalesceOptions,
  type CoalesceSharedEvent,
  type CoalesceSnapshot,
  coalesce,
  coalesceDefaults,
} from './policies/coalesce/coalesce.ts';

// fallback
export {
  type Fallback,
  FallbackError,
  type FallbackOptions,
  type FallbackUsedEvent,
  fallback,
  fallbackDefaults,
} from './policies/fallback/fallback.ts';

// hedge
export {
  type Hedge,
  type HedgeOptions,
  type HedgeSnapshot,
  type HedgeStartedEvent,
  type HedgeWonEvent,
  hedge,
  hedgeDefaults,
} from './policies/hedge/hedge.ts';

// keyed
export {
  type EvictionReason,
  type Keyed,
  type KeyedCreatedEvent,
  type KeyedEvictedEvent,
  type KeyedOptions,
  type KeyedSnapshot,
  keyed,
  keyedDefaults,
} from './policies/keyed/keyed.ts';

// noop
export { type NoopOptions, noop, noopDefaults } from './policies/noop/noop.ts';

// rate-limiter
export {
  RateLimitedError,
  type RateLimiter,
  type RateLimiterChanges,
  type RateLimiterOptions,
  type RateLimiterRejectedEvent,
  type RateLimiterSnapshot,
  rateLimiter,
  rateLimiterDefaults,
} from './policies/rate-limiter/rate-limiter.ts';

// retry
export {
  type Retry,
  type RetryOptions,
  type RetryScheduledEvent,
  retry,
  retryDefaults,
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
