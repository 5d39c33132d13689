/**
 * Subject: one policy, feature or other thing that has metrics, and how it is read, once per reading.
 *
 * Invariants
 *  (1) Each policy is asked once per reading, however many metrics it has.
 *  (2) A policy or feature that cannot be read spoils no other: it is reported and has no samples this time.
 *
 * @module
 */

import { reportHookError } from '@holdfast/core';

import type { Kind, MetricRow, Readable } from './metric-row.ts';
import { metricRows } from './table-rows.ts';
import type { Sample } from './sample.ts';
import type { Place } from './series-table.ts';

/** Something with a name that has metrics. */
export interface Subject {
  readonly kind: Kind;
  readonly place: Place;
  /** Those that are capped together: a kind, or a keyed policy. */
  readonly group: string;
  /** Tells it from others of its group, also from one of the same name in another registry. */
  readonly identity: string;
  /** Reads it. Called once per reading; undefined when it fails. */
  readonly read: () => Samples | undefined;
}

/** What was read of a subject. */
type Samples = ReadonlyMap<MetricRow, readonly Sample[]>;

/** Reads something; undefined, and reported, where that throws. */
export type Attempt = <T>(read: () => T, name: string | undefined) => T | undefined;

/** Makes a subject whose reading never throws. */
export function subject(parts: Omit<Subject, 'read'>, read: () => Readable[Kind], attempt: Attempt): Subject {
  const { name, key } = parts.place;
  const what = key === undefined ? name : `${name}/${key}`;
  return { ...parts, read: () => attempt(() => samplesOf(parts.kind, read()), what) }; // (2)
}

/** Makes attempts that are reported as `hook`. */
export function attemptsOf(hook: string): Attempt {
  return (read, name) => {
    try {
      return read();
    } catch (error) {
      reportHookError(hook, error, name); // (2)
      return undefined;
    }
  };
}

// --- internal ---

function samplesOf(kind: Kind, reading: Readable[Kind]): Samples {
  const samples = new Map<MetricRow, readonly Sample[]>();
  for (const row of rowsOf(kind)) {
    const read = row.read[kind] as (reading: Readable[Kind]) => readonly Sample[];
    samples.set(row, requireCounts(read(reading))); // (1)
  }
  return samples;
}

const rowsByKind = new Map<Kind, readonly MetricRow[]>();

function rowsOf(kind: Kind): readonly MetricRow[] {
  const found = rowsByKind.get(kind) ?? metricRows.filter(({ read }) => read[kind] !== undefined);
  rowsByKind.set(kind, found);
  return found;
}

function requireCounts(samples: readonly Sample[]): readonly Sample[] {
  for (const { value } of samples) {
    if (typeof value === 'number' && value >= 0 && value < Infinity) continue;
    throw new RangeError(`a metric must be a finite number of 0 or more, got ${String(value)}`);
  }
  return samples;
}
