/**
 * Subject: what the API shows and changes.
 *
 * @module
 */

import type { Registry } from '@holdfast/core';
import type { Brownout, FeatureControl } from '@holdfast/degradation';

import type { ActionTrail } from './actions/action-trail.ts';
import type { CircuitHolds } from './actions/circuit-holds.ts';
import type { FleetHolds } from './actions/fleet-holds.ts';
import type { OptionChanges } from './actions/option-changes.ts';
import type { FeatureChanges } from './actions/feature-changes.ts';
import type { LiveFeed } from './live/live-feed.ts';
import type { ShownCircuits } from './policies/shown-circuits.ts';

/** What routes work on. */
export interface Subject {
  readonly registry: Registry;
  /** Undefined where the service has no features. */
  readonly degradation: FeatureControl | undefined;
  /** Undefined where nothing explains the level. */
  readonly brownout: Pick<Brownout, 'explain'> | undefined;
  /** Name of the service, for people. */
  readonly service: string;
  readonly trail: ActionTrail;
  readonly circuits: ShownCircuits;
  readonly holds: CircuitHolds;
  readonly fleetHolds: FleetHolds;
  readonly options: OptionChanges;
  readonly features: FeatureChanges | undefined;
  readonly live: LiveFeed;
}
