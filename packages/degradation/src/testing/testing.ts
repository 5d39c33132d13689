/**
 * Holdfast degradation, for tests: what a store or an outbox of your own must do.
 *
 * @module
 */

export {
  type ConformingStore,
  type FeatureStoreCase,
  type FeatureStoreSubject,
  featureStoreConformance,
} from './feature-store-conformance.ts';
export { type OutboxCase, type OutboxSubject, outboxConformance } from './outbox-conformance.ts';
