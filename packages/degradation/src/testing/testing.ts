/**
 * Holdfast degradation, for tests: what a store of your own must do.
 *
 * @module
 */

export {
  type ConformingStore,
  type FeatureStoreCase,
  type FeatureStoreSubject,
  featureStoreConformance,
} from './feature-store-conformance.ts';
