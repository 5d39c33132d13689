/**
 * Feature control: features by names that are only known at run time, for what shows and changes them.
 *
 * @module
 */

import type { Events } from '@holdfast/core';

import type { AuditEntry } from './audit-trail.ts';
import type { FeatureStatus } from './feature-status.ts';
import type { ModeChange, Restoration } from './mode-change.ts';
import type { FeatureReader } from './reading.ts';
import type { LevelChange } from './service-level.ts';

/** Features by any name, for what lists and changes them: admin pages, exporters, controllers. */
export interface FeatureControl {
  /** Where `feature.changed`, `feature.overwritten` and `feature.store-failed` are told. */
  readonly events: Events;
  /** Returns all features as they are now, in the order of the catalogue. */
  list(): readonly FeatureStatus[];
  /** Returns one feature as it is now. Throws `FeatureError` `UNKNOWN_FEATURE`. */
  status(name: string): FeatureStatus;
  /** Finds a feature, to read its mode for a request. Throws `FeatureError` `UNKNOWN_FEATURE`. */
  handle(name: string): FeatureReader;
  /** Sets an override for a limited time; it is in force in this process when the call returns. */
  set(name: string, mode: string, change: ModeChange): FeatureStatus;
  /** Ends overrides of a feature; changes nothing when there are none. */
  restore(name: string, change: Restoration): FeatureStatus;
  /** The brownout level of this process, and why. */
  level(): { readonly level: number; readonly reason: string };
  /** Says the brownout level of this process, 0 to 4, fractions included; for controllers, which say it again and again. */
  setLevel(level: number, change: LevelChange): void;
  /**
   * Says what one controller asks for one feature of this process: the mode, or undefined for nothing. It ends unless it is
   * said again in time. What goes beyond the feature's `worstAutomatic` is cut there.
   */
  setAutomatic(name: string, mode: string | undefined, change: LevelChange): void;
  /** Returns the last changes as this process saw them, oldest first. */
  audit(): readonly AuditEntry[];
}
