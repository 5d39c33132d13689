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
export { type PipelineTap, type TapPlace } from './kernel/pipeline-tap.ts';
export { type AttachedMeter, type CallMeter, type CallOutcome, type MeasuredCall } from './kernel/call-meter.ts';
export { type Handler, type Layer, type Operation, type Sink } from './kernel/handler.ts';
export { type LayeredPolicy, type NamedPolicy, type Policy, type PolicyParts, createPolicy } from './kernel/policy.ts';
export { type Classify, type Outcome, type Verdict, classifyByError } from './kernel/outcome.ts';

// Where values come from
export {
  type Provenance,
  type Sourced,
  type SubstituteReason,
  type ValueSource,
  isSourced,
  noteProvenance,
  sourced,
  sourcedCall,
} from './kernel/provenance.ts';

// Ports
export { type Clock, type Timer, UNREAD, readOnce, systemClock } from './kernel/clock.ts';
export { type EventListener, type Events, type PolicyEvent, createEvents } from './kernel/events.ts';
export { type HookErrorHandler, onHookError } from './kernel/hooks.ts';
export { type CaptureAsyncContext, bindAsyncContext } from './kernel/async-context.ts';
export { type DefaultsOf, type PolicyPorts } from './kernel/ports.ts';
export { type Random, systemRandom } from './kernel/random.ts';

// Circuits that a fleet shares; a fleet in memory, and what stores of your own need, in @holdfast/core/fleet
export type * from './kernel/circuit-store.ts';

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

// What is under way, and its drain
export * from './kernel/drain-report.ts';
export {
  type Endable,
  type InFlight,
  type InFlightParts,
  type RunInFlight,
  createInFlight,
} from './kernel/in-flight.ts';

// For policies and adapters of your own
export { messageOf, nameErrorClass } from './kernel/errors.ts';
export { isContext, requireContext } from './kernel/context.ts';
export { askHook, callHook, ignoreRejection, reportHookError } from './kernel/hooks.ts';
export { tellEvent } from './kernel/tell.ts';
export { type Ending, type WaitParts, within } from './kernel/within.ts';
export { drawFrom, steadyRandom } from './kernel/random.ts';
export { type DelayBounds, fullJitterMs } from './mechanisms/backoff.ts';
export {
  type WorkTimeouts,
  defaultTimeoutOf,
  inRange,
  integerInRange,
  isFunction,
  isName,
  oneOf,
  withDefaults,
  withKnown,
} from './kernel/options.ts';

export * from './kernel/option-rules.ts';
export * from './kernel/description.ts';

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
export { type RegistryWatch } from './registry/watches.ts';

// bulkhead
export * from './policies/bulkhead/bulkhead.ts';

// chaos
export * from './policies/chaos/chaos.ts';

// cache
export * from './policies/cache/cache.ts';

// circuit-breaker
export * from './policies/circuit-breaker/circuit-breaker.ts';

// coalesce
export * from './policies/coalesce/coalesce.ts';

// fallback
export * from './policies/fallback/fallback.ts';

// hedge
export * from './policies/hedge/hedge.ts';

// keyed
export * from './policies/keyed/keyed.ts';

// noop
export * from './policies/noop/noop.ts';

// rate-limiter
export * from './policies/rate-limiter/rate-limiter.ts';

// retry
export * from './policies/retry/retry.ts';

// timeout
export * from './policies/timeout/timeout.ts';
