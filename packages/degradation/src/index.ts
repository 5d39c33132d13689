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
