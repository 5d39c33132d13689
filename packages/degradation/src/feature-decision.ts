/**
 * Feature decision: what the overrides and the level of one feature come to, for a request and for people. Pure.
 *
 * @module
 */

import type { FeatureDefinition } from './catalogue.ts';
import type { FeatureStatus } from './feature-status.ts';
import { type LiveOverride, showOverride } from './live-override.ts';
import { paramsInForce } from './mode-params.ts';
import { type Decision, decide } from './precedence.ts';
import { frozenCopy } from './plain-data.ts';
import type { Reading } from './reading.ts';

/** A feature of the catalogue, with its name. */
export interface NamedFeature {
  readonly name: string;
  readonly definition: FeatureDefinition;
}

/** What a mode is decided by. */
export interface Grounds {
  /** The overrides that are for the request. */
  readonly overrides: readonly LiveOverride[];
  /** Position of the mode that the level asks for. */
  readonly levelPosition: number;
}

/** Decides the mode of a request. */
export function decideMode(
  { worstAutomatic }: FeatureDefinition,
  { overrides, levelPosition }: Grounds,
): Decision<LiveOverride> {
  return decide({ overrides, levelPosition, worstAutomatic });
}

/** Returns what a call site gets for a decision. */
export function readingOf(
  { name, definition }: NamedFeature,
  { position, decidedBy, override }: Decision<LiveOverride>,
  { levelReason, isForAll }: { readonly levelReason: string; readonly isForAll: boolean },
): Reading {
  const mode = definition.modes[position] as string;
  const params = paramsInForce(definition, mode, override?.record);
  const reason = decidedBy === 'level' ? levelReason : override?.record.reason;
  const decided = { decidedBy, reason, overrideId: override?.id, isForAll };
  return { feature: name, mode, params, isDegraded: position > 0, ...decided };
}

/** Returns the part of a status that follows from the definition and the decision. */
export function statusOf(
  { name, definition }: NamedFeature,
  { position, decidedBy, conflicts }: Decision<LiveOverride>,
): Pick<
  FeatureStatus,
  'name' | 'modes' | 'mode' | 'defaultMode' | 'decidedBy' | 'owner' | 'notice' | 'essential' | 'conflicts'
> {
  const { modes, owner, notice, essential } = definition;
  const mode = modes[position] as string;
  return {
    name,
    modes,
    mode,
    defaultMode: modes[0],
    decidedBy,
    owner,
    notice,
    essential,
    conflicts: frozenCopy(conflicts),
  };
}

/** Returns the overrides of a status. */
export function showOverrides(
  live: readonly LiveOverride[],
  deciding: LiveOverride | undefined,
  { now, calendarMs }: { readonly now: number; readonly calendarMs: number },
): Pick<FeatureStatus, 'override' | 'overrides'> {
  const show = (one: LiveOverride) => showOverride(one, now, calendarMs);
  return { override: deciding === undefined ? undefined : show(deciding), overrides: live.map(show) };
}
