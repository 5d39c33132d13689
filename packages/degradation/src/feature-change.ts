/**
 * Feature change: makes the next record of a feature out of what somebody asks for, or refuses. Pure but for the cell it reads.
 *
 * Invariants
 *  (1) A refused change changes nothing.
 *  (2) A change that names a revision is made only at that revision.
 *
 * @module
 */

import type { FeatureCell } from './feature-cell.ts';
import { FeatureError, show } from './feature-error.ts';
import type { FeatureRecord } from './feature-record.ts';
import {
  type ChangeAuthor,
  type ModeChange,
  type Restoration,
  checkModeChange,
  checkRestoration,
} from './mode-change.ts';
import { checkParamChanges } from './mode-params.ts';
import { MAX_OVERRIDES, type OverrideRecord, type ParamValue, slotOf } from './override.ts';
import { checkRole } from './roles.ts';
import { DEFAULT_AUTOMATIC_MS, type LevelChange } from './service-level.ts';

/** When and where a change is made. */
export interface ChangeStamp {
  readonly origin: string;
  readonly changedAtMs: number;
}

/** Returns the record after `mode` was set in `cell`. Throws a FeatureError when that is refused. */
export function recordOfSet(
  cell: FeatureCell,
  mode: string,
  change: ModeChange,
): Omit<FeatureRecord, keyof ChangeStamp> {
  const { name, definition } = cell;
  const position = requireMode(cell, mode);
  checkModeChange(name, change, definition);
  checkParamChanges(name, change, definition.params[mode]);
  const { kind = 'force', source = 'manual' } = change;
  const outbidsControllers = kind === 'force' && position < cell.automaticPosition;
  checkRole(change.role, { feature: name, isBreakGlass: source === 'break-glass', outbidsControllers });
  refuseStale(cell, change);
  const made = overrideOf(cell, mode, change);
  const others = cell.unexpired().filter(({ id }) => id !== made.id);
  if (others.length >= MAX_OVERRIDES)
    throw new FeatureError('TOO_MANY_OVERRIDES', `${name} has ${MAX_OVERRIDES} overrides`, { feature: name });
  return nextRecord(cell, change, { overrides: [...others, made], isAtOnce: false });
}

/** Returns the record after overrides of `cell` were ended; undefined when there are none. Throws a FeatureError. */
export function recordOfRestore(
  cell: FeatureCell,
  change: Restoration,
): Omit<FeatureRecord, keyof ChangeStamp> | undefined {
  const { name } = cell;
  checkRestoration(name, change);
  const { id, isAtOnce = false } = change;
  const all = cell.unexpired();
  const ending = all.filter((one) => id === undefined || one.id === id);
  const isBreakGlass = ending.some(({ source }) => source === 'break-glass');
  checkRole(change.role, { feature: name, isBreakGlass, outbidsControllers: false });
  refuseStale(cell, change);
  const isRamping = cell.overrides().some((one) => one.ramp !== undefined && (id === undefined || one.id === id));
  if (ending.length === 0 && !(isAtOnce && isRamping)) return undefined;
  const overrides = all.filter((one) => !ending.includes(one));
  return nextRecord(cell, change, { overrides, isAtOnce, ...(isAtOnce && id !== undefined && { atOnceIds: [id] }) });
}

/** Returns what a controller asks for as an override of this process only. Throws a FeatureError. */
export function automaticOverride(cell: FeatureCell, mode: string, change: LevelChange): OverrideRecord {
  const { actor, reason, expiresInMs = DEFAULT_AUTOMATIC_MS } = change;
  requireMode(cell, mode);
  const made = overrideOf(cell, mode, { actor, reason, expiresInMs });
  return { ...made, source: 'automatic', kind: 'atLeast', id: automaticId(actor) };
}

/** The slot of what one controller asks for. */
export function automaticId(actor: string): string {
  return `automatic/${actor}`;
}

// --- internal ---

function requireMode({ name, definition: { modes } }: FeatureCell, mode: string): number {
  const position = modes.indexOf(mode);
  if (position >= 0) return position;
  const message = `${name} has no mode ${show(mode)}; it has ${modes.join(', ')}`;
  throw new FeatureError('UNKNOWN_MODE', message, { feature: name, field: 'mode' });
}

function refuseStale({ name, revision }: FeatureCell, { ifRevision }: ChangeAuthor): void {
  if (ifRevision === undefined || ifRevision === revision) return; // (2)
  const message = `${name} is at revision ${revision}, not ${ifRevision}: it has changed meanwhile`;
  throw new FeatureError('STALE_REVISION', message, { feature: name, field: 'ifRevision', revision });
}

function overrideOf(cell: FeatureCell, mode: string, change: ModeChange): OverrideRecord {
  const { name, definition, revision } = cell;
  const { kind = 'force', source = 'manual', scope = {}, match = [], shareRatio = 1, seed = name } = change;
  const slot = { kind, source, scope: { ...scope }, match: structuredClone(match) };
  return {
    ...slot,
    shareRatio,
    seed,
    id: slotOf(slot),
    mode,
    betterModes: definition.modes.slice(0, definition.modes.indexOf(mode)),
    restore: change.restore === undefined ? undefined : structuredClone(change.restore),
    params: paramsOf(change),
    actor: change.actor,
    reason: change.reason,
    revision: revision + 1,
    setAtMs: 0,
    remainingMs: change.expiresInMs,
  };
}

/** The parameters that a change names; undefined where it names none. */
function paramsOf({ params = {} }: ModeChange): OverrideRecord['params'] {
  const named = Object.entries(params).filter((entry): entry is [string, ParamValue] => entry[1] !== undefined);
  return named.length === 0 ? undefined : Object.fromEntries(named);
}

function nextRecord(
  { name, revision }: FeatureCell,
  { actor, reason }: ChangeAuthor,
  next: Pick<FeatureRecord, 'overrides' | 'isAtOnce' | 'atOnceIds'>,
): Omit<FeatureRecord, keyof ChangeStamp> {
  return { feature: name, revision: revision + 1, ...next, actor, reason };
}
