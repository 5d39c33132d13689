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
  type FeatureSpec,
  type KnownKeysOnly,
  type ModesOf,
  defineFeatures,
} from './catalogue.ts';

// Degradation
export { type Degradation, type DegradationOptions, createDegradation, degradationDefaults } from './degradation.ts';
export { type FeatureHandle, type FeatureStatus, type OverrideStatus } from './feature-cell.ts';
export { type FeatureChangedEvent, type FeatureControl, type FeatureStoreFailedEvent } from './feature-control.ts';
export { type Implementations, type NoUnknownModes, type ResultOf } from './implementations.ts';

// Changes
export { type AuditEntry, type ChangeCause } from './audit-trail.ts';
export { FeatureError, type FeatureErrorCode, type FeatureErrorDetails } from './feature-error.ts';
export { type ModeChange, type Restoration } from './mode-change.ts';
export { type WallClock } from './wall-clock.ts';

// Store
export { type FeatureRecord, type RecordOrder, supersedes } from './feature-record.ts';
export { type FeatureStore, type MemoryStoreOptions, memoryStore } from './feature-store.ts';
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
export { levelFor, stickyBucket } from './brownout-bucket.ts';
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
export { type BrownoutRunner, type BrownoutRunnerOptions, runBrownout } from './brownout-runner.ts';
export {
  type FleetLevelOptions,
  type LevelBallot,
  type LevelVote,
  fleetLevel,
  fleetLevelDefaults,
} from './brownout-fleet.ts';
export { type Dimmer, type DimmerOptions, type DimmerReading, createDimmer, dimmerDefaults } from './dimmer.ts';
