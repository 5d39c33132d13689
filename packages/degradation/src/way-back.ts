/**
 * Way back: what is left of overrides that end. One with a plan to restore goes in steps, any other at once.
 *
 *   in force ── expires, or a record does not name it any more ─┬─ no plan, or to be taken back at once ─► gone
 *                                                               └─ a plan ─► step, step, … ──────────────► gone
 *
 * @module
 */

import type { Random } from '@holdfast/core';

import type { FeatureRecord } from './feature-record.ts';
import type { LiveOverride } from './live-override.ts';
import { startRamp, stepRamp } from './restore-ramp.ts';

/** What decides about the next step. */
export interface StepTerms {
  /** On this process's clock. */
  readonly now: number;
  readonly random: Random;
  /** Whether a step may be taken. Must not throw. */
  readonly mayRestore: () => boolean;
}

/** Returns what is left of `live` when `record` is the one that counts: what it ends. What controllers ask for stays. */
export function leftAfter(record: FeatureRecord, live: readonly LiveOverride[], now: number): readonly LiveOverride[] {
  const names = new Set(record.overrides.map(({ id }) => id));
  return live.flatMap((one) => {
    if (one.source === 'automatic') return [one];
    return names.has(one.id) || endsAtOnce(record, one.id) ? [] : startBack(one, now);
  });
}

/** Returns what is left of an override for which something is due: it has expired, or takes a step. */
export function stepBack(one: LiveOverride, { now, random, mayRestore }: StepTerms): readonly LiveOverride[] {
  if (one.ramp === undefined) return startBack(one, now);
  const ramp = stepRamp(one.ramp, { now, isAllowed: mayRestore(), random: random() });
  return ramp === undefined ? [] : [{ ...one, ramp }];
}

// --- internal ---

function endsAtOnce({ isAtOnce, atOnceIds }: FeatureRecord, id: string): boolean {
  return isAtOnce && (atOnceIds === undefined || atOnceIds.includes(id));
}

function startBack(one: LiveOverride, now: number): readonly LiveOverride[] {
  const { restore } = one.record;
  if (one.ramp !== undefined) return [one];
  return restore === undefined ? [] : [{ ...one, ramp: startRamp(restore, now) }];
}
