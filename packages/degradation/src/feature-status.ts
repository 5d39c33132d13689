/**
 * Feature status: a feature at one instant, for people and exporters.
 *
 * @module
 */

import type { OverrideKind, OverrideScope, OverrideSource, ParamValue } from './override.ts';
import type { DecidedBy } from './precedence.ts';
import type { Condition } from './targeting.ts';

/** One override of a feature, for people. */
export interface OverrideStatus {
  /** For `restore`. */
  readonly id: string;
  readonly kind: OverrideKind;
  readonly source: OverrideSource;
  readonly mode: string;
  readonly actor: string;
  readonly reason: string;
  readonly scope: OverrideScope;
  readonly match: readonly Condition[];
  /** Parameters that are others than the catalogue says; undefined where none is. */
  readonly params: Readonly<Record<string, ParamValue>> | undefined;
  /** Share of the buckets that it is for now; falls while it is taken back. */
  readonly shareRatio: number;
  /** Spreads the buckets: the same seed means the same people. */
  readonly seed: string;
  /** Whether it has ended and is being taken back in steps. */
  readonly isRestoring: boolean;
  /** Calendar time, ISO 8601, UTC. */
  readonly setAt: string;
  /** Calendar time, ISO 8601, UTC. What counts is `remainingMs`, which does not move when the calendar is set. */
  readonly expiresAt: string;
  /** Milliseconds until it expires; 0 while it is being taken back. */
  readonly remainingMs: number;
}

/** A feature at one instant. */
export interface FeatureStatus {
  readonly name: string;
  /** Names of its modes, best first. */
  readonly modes: readonly string[];
  /** The mode for nobody in particular: of a bucket in the middle, without attributes. */
  readonly mode: string;
  readonly defaultMode: string;
  readonly decidedBy: DecidedBy;
  readonly owner: string | undefined;
  readonly notice: string | undefined;
  readonly essential: boolean;
  /** Number of changes that people made so far, on any instance; for `ifRevision`. */
  readonly revision: number;
  /** The brownout level that it sees. */
  readonly level: number;
  /** The override that decides; undefined where none does. */
  readonly override: OverrideStatus | undefined;
  /** All overrides that concern this process. */
  readonly overrides: readonly OverrideStatus[];
  /** Pairs of overrides that contradict one another: the one that is followed, the one that is not. */
  readonly conflicts: readonly (readonly [string, string])[];
  /** Calls by the modes whose functions were called, whatever came of it, since this process started. A fall counts in each. */
  readonly served: Readonly<Record<string, number>>;
}
