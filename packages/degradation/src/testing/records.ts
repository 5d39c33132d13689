/**
 * Records: overrides and records for tests, with everything filled in that a test does not care about.
 *
 * @module
 */

import type { FeatureRecord } from '../feature-record.ts';
import type { OverrideRecord } from '../override.ts';

/** Makes a manual `force` to `off` for one second. */
export function overrideRecord(more: Partial<OverrideRecord> = {}): OverrideRecord {
  return {
    id: 'manual/force/*/*',
    kind: 'force',
    source: 'manual',
    mode: 'off',
    betterModes: ['full', 'cached'],
    scope: {},
    shareRatio: 1,
    seed: 'reco',
    match: [],
    restore: undefined,
    actor: 'alice',
    reason: 'why',
    revision: 1,
    setAtMs: 0,
    remainingMs: 1000,
    ...more,
  };
}

/** Makes a record of `reco` with one override, or with none. */
export function featureRecord(
  revision: number,
  override: Partial<OverrideRecord> | 'none' = {},
  more: Partial<FeatureRecord> = {},
): FeatureRecord {
  return {
    feature: 'reco',
    revision,
    origin: 'a',
    overrides: override === 'none' ? [] : [overrideRecord({ revision, ...override })],
    isAtOnce: false,
    actor: 'alice',
    reason: 'why',
    changedAtMs: 0,
    ...more,
  };
}
