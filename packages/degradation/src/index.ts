/**
 * Holdfast degradation: every public name, grouped by concept.
 *
 * @module
 */

// Catalogue
export {
  type Catalogue,
  type FeatureDefinition,
  type FeatureModes,
  type FeatureParams,
  type FeatureSpec,
  type KeysOf,
  type KnownKeysOnly,
  type KnownModesOnly,
  type ModesOf,
  type NoParams,
  type ParamsOf,
  type Widened,
  defineFeatures,
} from './catalogue.ts';
export { type LevelMap, type LevelStep, MAX_LEVEL } from './level-map.ts';

// Degradation
export {
  type Degradation,
  type DegradationOptions,
  type ParamsOfFeature,
  createDegradation,
  degradationDefaults,
} from './degradation.ts';
export { type FeatureControl } from './feature-control.ts';
export {
  type FeatureChangedEvent,
  type FeatureOverwrittenEvent,
  type FeatureStoreFailedEvent,
} from './feature-events.ts';
export { type FeatureExplanation, type OverrideFit, type PlacedTarget, explainFeature } from './feature-explanation.ts';
export { type FeatureStatus, type OverrideStatus } from './feature-status.ts';
export { type LevelChange } from './service-level.ts';

// Call sites
export { type FeatureFellEvent, type LadderOptions, ladderDefaults } from './branch.ts';
export {
  type AnyArguments,
  type ArgumentsAfter,
  type NotEmpty,
  type Implementations,
  type LadderArguments,
  type LadderFunctions,
  type NoUnknownModes,
  type ResultOf,
  type WithParams,
} from './implementations.ts';
export {
  type FeatureHandle,
  type FeatureReader,
  type MatchResult,
  type Matched,
  type OnlyModes,
  type ParamsOfMode,
  type Reading,
} from './reading.ts';
export { type Attributes, type Condition, type Target, bucketOf, target } from './targeting.ts';

// Ways to degrade
export {
  type DegradedNotice,
  type DegradedProblem,
  degradedHeader,
  degradedProblem,
  noticesOf,
  publicNotices,
  withNotices,
} from './degraded-notice.ts';
export {
  type Deferral,
  type DeferralOptions,
  type Deferred,
  OutboxFullError,
  createDeferral,
  deferralDefaults,
} from './deferral.ts';
export {
  type DeferralDeadEvent,
  type DeferralDeliveredEvent,
  type DeferralFailedEvent,
  type DeferralKeptEvent,
  type DeferralRefusedEvent,
} from './deferral-events.ts';
export { type Delivery } from './drain.ts';
export { type MemoryOutboxOptions, memoryOutbox, memoryOutboxDefaults } from './memory-outbox.ts';
export {
  type DeadItem,
  type Outbox,
  type OutboxCounts,
  type OutboxEntry,
  type TakeTerms,
  type Taken,
} from './outbox.ts';
export { type StaleRequest, type StaleValue, staleValue } from './stale-values.ts';

// Changes
export { type AuditEntry, type AuditedChange, type ChangeCause, findTampering } from './audit-trail.ts';
export { FeatureError, type FeatureErrorCode, type FeatureErrorDetails } from './feature-error.ts';
export { type ChangeAuthor, type ModeChange, type Restoration } from './mode-change.ts';
export { type NamedParams, type ParamChanges } from './mode-params.ts';
export {
  type OverrideKind,
  type OverrideRecord,
  type OverrideScope,
  type OverrideSource,
  type ParamValue,
  type RestorePlan,
} from './override.ts';
export { type DecidedBy, type Decision, type Wish, type Wishes, decide } from './precedence.ts';
export { type Role } from './roles.ts';
export { type WallClock } from './wall-clock.ts';

// Store
export { type FeatureRecord, type RecordOrder, aged, isFeatureRecord, supersedes } from './feature-record.ts';
export {
  type FeatureStore,
  type MemoryStore,
  type MemoryStoreOptions,
  type StoreWatch,
  memoryStore,
} from './feature-store.ts';
export { type SnapshotPort } from './last-known-good.ts';
export {
  type FsPromisesModule,
  type SnapshotFileHandle,
  type SnapshotFileOptions,
  type SnapshotFileStat,
  snapshotFile,
  snapshotFileDefaults,
} from './snapshot-file.ts';
export { type HashFunction, type Seal, checksum, sha256, signature } from './sha256.ts';
export { type StoreOperation, type StoreState, type StoreStatus } from './store-link.ts';

// Brownout
export {
  type PerfHooksModule,
  type LoopDelayMonitor,
  type LoopUtilization,
  type NodeSignals,
  type NodeSignalsOptions,
  type V8Module,
  nodeSignals,
  nodeSignalsDefaults,
} from './signal-node.ts';
export {
  type Readings,
  type SignalName,
  type SignalRange,
  type SignalRangeChanges,
  type SignalRanges,
  signalRanges,
} from './signal.ts';
export { type SignalMeter, type SignalMeterOptions, createSignalMeter, signalMeterDefaults } from './signal-meter.ts';
export { type SignalPressure } from './pressure.ts';
export {
  type Brownout,
  type BrownoutOptions,
  type BrownoutShownEvent,
  brownoutDefaults,
  createBrownout,
} from './brownout.ts';
export { levelFor } from './brownout-bucket.ts';
export { type BrownoutExplanation } from './brownout-explanation.ts';
export { type LevelDecision } from './brownout-level.ts';
export {
  type BrownoutMeasure,
  type BrownoutMoment,
  type BrownoutTraits,
  brownoutMeasures,
  featureLevel,
  measuresAt,
} from './brownout-feature.ts';
export {
  type BreakerDependency,
  type FollowBreakersOptions,
  followBreakers,
  followBreakersDefaults,
} from './brownout-breakers.ts';
export { type BrownoutRunner, type BrownoutRunnerOptions, runBrownout } from './brownout-runner.ts';
export {
  type FleetLevelOptions,
  type LevelBallot,
  type LevelVote,
  fleetLevel,
  fleetLevelDefaults,
} from './brownout-fleet.ts';
export { type Dimmer, type DimmerOptions, type DimmerReading, createDimmer, dimmerDefaults } from './dimmer.ts';
