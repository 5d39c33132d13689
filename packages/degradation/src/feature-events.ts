/**
 * Feature events: what is told of features, where somebody listens.
 *
 * @module
 */

import type { Events } from '@holdfast/core';

import type { AuditEntry, AuditedChange } from './audit-trail.ts';
import type { FeatureRecord } from './feature-record.ts';
import type { StoreOperation } from './store-link.ts';

/** A feature is in another mode, or in the same one for another time, or reason. */
export interface FeatureChangedEvent {
  readonly type: 'feature.changed';
  readonly policy: 'feature';
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly actor: string;
  readonly reason: string;
  readonly revision: number;
  readonly cause: AuditEntry['cause'];
}

/** A change made here was overwritten by one that was made elsewhere before either was known to the other. */
export interface FeatureOverwrittenEvent {
  readonly type: 'feature.overwritten';
  readonly policy: 'feature';
  readonly name: string;
  readonly revision: number;
  /** Who made the change that is lost. */
  readonly actor: string;
  /** Who made the change that is in force. */
  readonly byActor: string;
}

/** The store, or what keeps the last known good, failed, hung, or delivered what is of no use. Features go on from memory. */
export interface FeatureStoreFailedEvent {
  readonly type: 'feature.store-failed';
  readonly policy: 'feature';
  /** Always `store`: it is one for all features. */
  readonly name: 'store';
  readonly operation: StoreOperation;
  readonly error: unknown;
}

/** Tells that the mode of a feature was changed. */
export function tellChange(events: Events, change: AuditedChange): void {
  if (!events.active) return;
  const { feature: name, from, to, actor, reason, revision, cause } = change;
  const event: FeatureChangedEvent = {
    type: 'feature.changed',
    policy: 'feature',
    name,
    from,
    to,
    actor,
    reason,
    revision,
    cause,
  };
  events.emit(event);
}

/** Tells that a change of this process is lost. */
export function tellOverwritten(events: Events, lost: FeatureRecord, kept: FeatureRecord): void {
  if (!events.active) return;
  const { feature: name, actor } = lost;
  const { revision, actor: byActor } = kept;
  const event: FeatureOverwrittenEvent = {
    type: 'feature.overwritten',
    policy: 'feature',
    name,
    revision,
    actor,
    byActor,
  };
  events.emit(event);
}

/** Tells that a store, or what keeps the last known good, failed. */
export function tellStoreFailure(events: Events, operation: StoreOperation, error: unknown): void {
  if (!events.active) return;
  const event: FeatureStoreFailedEvent = {
    type: 'feature.store-failed',
    policy: 'feature',
    name: 'store',
    operation,
    error,
  };
  events.emit(event);
}
