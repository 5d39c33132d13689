/**
 * Records: records of features for tests, with everything filled in that a test does not care about.
 *
 * @module
 */

import type { SharedFeature, SharedFeatureChange, SharedOverride } from '../shared-feature.ts';

/** Makes a record of `reco` with one override for a second. */
export function sharedFeature(
  revision: number,
  more: Partial<SharedFeature> = {},
  override: Partial<SharedOverride> = {},
): SharedFeature {
  return {
    feature: 'reco',
    revision,
    origin: 'a',
    overrides: [sharedOverride(revision, override)],
    isAtOnce: false,
    actor: 'alice',
    reason: 'why',
    changedAtMs: 0,
    ...more,
  };
}

/** Makes what the change of such a record did. */
export function sharedChange(revision: number, more: Partial<SharedFeatureChange> = {}): SharedFeatureChange {
  const expiresAt = '2026-01-02T03:04:06.000Z';
  const change = { feature: 'reco', from: 'full', to: 'off', actor: 'alice', reason: 'why', revision } as const;
  return { at: '2026-01-02T03:04:05.000Z', ...change, cause: 'set', expiresAt, ...more };
}

// --- internal ---

function sharedOverride(revision: number, more: Partial<SharedOverride>): SharedOverride {
  return {
    id: 'manual/force/*/*',
    kind: 'force',
    source: 'manual',
    mode: 'off',
    betterModes: ['full'],
    scope: {},
    shareRatio: 1,
    seed: 'reco',
    match: [],
    restore: { shareRatios: [0.5], stepMs: 1000 },
    actor: 'alice',
    reason: 'why',
    revision,
    setAtMs: 0,
    remainingMs: 1000,
    ...more,
  };
}
