/**
 * Feature control: features by names that are only known at run time, for what shows and changes them.
 *
 * @module
 */

import type { Events } from '@holdfast/core';

import type { AuditEntry } from './audit-trail.ts';
import type { FeatureStatus } from './feature-cell.ts';
import type { ModeChange, Restoration } from './mode-change.ts';
import type { StoreOperation } from './store-link.ts';

/** Features by any name, for what lists and changes them: admin pages, exporters, controllers. */
export interface FeatureControl {
  /** Where `feature.changed` and `feature.store-failed` are told. */
  readonly events: Events;
  /** Returns all features as they are now, in the order of the catalogue. */
  list(): readonly FeatureStatus[];
  /** Returns one feature as it is now. Throws `FeatureError` `UNKNOWN_FEATURE`. */
  status(name: string): FeatureStatus;
  /** Sets a mode for a limited time; it is in force in this process when the call returns. */
  set(name: string, mode: string, change: ModeChange): FeatureStatus;
  /** Sends a feature back to its default mode; changes nothing when nobody had set it. */
  restore(name: string, change: Restoration): FeatureStatus;
  /** Returns the last changes as this process saw them, oldest first. */
  audit(): readonly AuditEntry[];
}

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

/** The store failed, hung, or delivered what is no record. Features go on from memory. */
export interface FeatureStoreFailedEvent {
  readonly type: 'feature.store-failed';
  readonly policy: 'feature';
  /** Always `store`: it is one for all features. */
  readonly name: 'store';
  readonly operation: StoreOperation;
  readonly error: unknown;
}
