/**
 * Feature record: the overrides of one feature, in the form that instances share through a store.
 *
 * Instances that have seen the same records agree, in whatever order and however often they saw them: each keeps the
 * record that supersedes all others, and of two records the same one always does.
 *
 * Invariants
 *  (1) Of two different records of a feature exactly one supersedes the other.
 *  (2) A record of a higher revision supersedes one of a lower.
 *  (3) The passing of time changes no record: an override that expires stays in it, with nothing left.
 *
 * Source: last-writer-wins register, in A comprehensive study of Convergent and Commutative Replicated Data Types,
 * M. Shapiro et al., 2011, https://inria.hal.science/inria-00555588.
 * Deviation: ordered by a revision per feature, not by a clock.
 *
 * @module
 */

import type { Random } from '@holdfast/core';

import { MAX_OVERRIDES, type OverrideRecord, isOverrideRecord, isText } from './override.ts';
import { isCalendarTime } from './wall-clock.ts';

/** The overrides of one feature after its last change. Plain data: it survives JSON. */
export interface FeatureRecord {
  /** Name of the feature. */
  readonly feature: string;
  /** Number of this change; only grows. */
  readonly revision: number;
  /** Random name of the instance that made the change. */
  readonly origin: string;
  /** All overrides of the feature, those of earlier changes included. */
  readonly overrides: readonly OverrideRecord[];
  /** Whether overrides that this change ended are taken back at once, whatever their plan says. */
  readonly isAtOnce: boolean;
  /** The overrides to which `isAtOnce` is limited; left out where it is for all. */
  readonly atOnceIds?: readonly string[] | undefined;
  /** Who made the change. */
  readonly actor: string;
  /** Why. */
  readonly reason: string;
  /** Calendar time of the change, in milliseconds since 1970; shown to people only. */
  readonly changedAtMs: number;
}

/** Returns a random name for an instance: what tells its changes from others' of the same revision. */
export function randomOrigin(random: Random): string {
  return `${randomDigits(random)}${randomDigits(random)}`;
}

/** Returns the record of a feature that nobody has changed yet. */
export function unchangedRecord(feature: string): FeatureRecord {
  return { feature, revision: 0, origin: '', overrides: [], isAtOnce: false, actor: '', reason: '', changedAtMs: 0 };
}

/** What decides between two records of a feature. */
export type RecordOrder = Pick<FeatureRecord, 'revision' | 'origin'>;

/** Whether `next` takes the place of `current`: by revision, then by origin, so that all instances choose the same. */
export function supersedes(next: RecordOrder, current: RecordOrder): boolean {
  if (next.revision !== current.revision) return next.revision > current.revision; // (2)
  return next.origin > current.origin; // (1)
}

/** Returns `record` as it is handed over `elapsedMs` after it was taken in. */
export function aged(record: FeatureRecord, elapsedMs: number): FeatureRecord {
  const overrides = record.overrides.map((one) => ({ ...one, remainingMs: one.remainingMs - elapsedMs })); // (3)
  return { ...record, overrides };
}

/** Whether `value`, which came from outside, is a record. */
export function isFeatureRecord(value: unknown): value is FeatureRecord {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(FIELDS).every(([field, isValid]) => isValid((value as Record<string, unknown>)[field]));
}

// --- internal ---

/** Far beyond any real count, and with room to grow by one exactly. */
const MAX_REVISION = 2 ** 52;

const isId = (value: unknown): boolean => typeof value === 'string' && value.length <= 10_000;

const FIELDS: Readonly<Record<keyof FeatureRecord, (value: unknown) => boolean>> = {
  feature: (value) => typeof value === 'string',
  revision: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_REVISION,
  origin: (value) => typeof value === 'string',
  overrides: (value) => Array.isArray(value) && value.length <= MAX_OVERRIDES && value.every(isOverrideRecord),
  isAtOnce: (value) => typeof value === 'boolean',
  atOnceIds: (value) =>
    value === undefined || (Array.isArray(value) && value.length <= MAX_OVERRIDES && value.every(isId)),
  actor: (value) => isText(value, 1000),
  reason: (value) => isText(value, 1000),
  changedAtMs: isCalendarTime,
};

function randomDigits(random: Random): string {
  return Math.floor(random() * 2 ** 52)
    .toString(36)
    .padStart(11, '0');
}
