/**
 * Holdfast for OpenFeature: every public name, grouped by concept.
 *
 * @module
 */

// A provider over features
export {
  type FeatureProviderOptions,
  featureProvider,
  featureProviderDefaults,
  providerName,
} from './feature-provider.ts';
export { type FeatureSource } from './feature-flags.ts';

// Features that follow flags
export { type FollowFlagsOptions, followFlags, followFlagsDefaults } from './follow-flags.ts';
export {
  type FeatureFlagFailedEvent,
  type FlagClient,
  type FlagFollower,
  type FlagStatus,
  type FollowingFeatures,
} from './flag-follower.ts';
