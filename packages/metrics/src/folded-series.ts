/**
 * Folded series: what many policies of one kind come to together. All of them have the same series in the same order, so what
 * is added is found by its place in that order, without making a key: a reading adds up a hundred thousand policies with it.
 *
 * Invariants
 *  (1) It comes to the same as adding each policy to a series table under one name.
 *
 * @module
 */

import type { MetricRow } from './metric-row.ts';
import type { Sample } from './sample.ts';
import type { Place, SeriesTable } from './series-table.ts';

/** A sample and its place in the order of those of its metric. */
export interface PlacedSample extends Sample {
  readonly at: number;
}

/** Series that are put together. */
export class FoldedSeries {
  readonly #rows = new Map<MetricRow, FoldedSample[]>();

  /** Adds one value. */
  add(row: MetricRow, sample: PlacedSample): void {
    const list = this.#rows.get(row) ?? [];
    if (list.length === 0) this.#rows.set(row, list);
    const found = find(list, sample);
    if (found === undefined) list.push({ labels: sample.labels, value: sample.value });
    else if (row.fold === 'sum') found.value += sample.value;
    else found.value = Math.max(found.value, sample.value); // of one-hot states, each that is somewhere is 1 for now
  }

  /** Adds all of it to `table`. */
  addTo(table: SeriesTable, place: Place): void {
    for (const [row, list] of this.#rows) table.add(row, place, list); // (1): of several 1 the table takes the worst
  }
}

// --- internal ---

interface FoldedSample {
  readonly labels: Sample['labels'];
  value: number;
}

function find(list: readonly FoldedSample[], { at, labels }: PlacedSample): FoldedSample | undefined {
  const expected = list[at];
  if (expected !== undefined && isSame(expected.labels, labels)) return expected;
  return list.find((each) => isSame(each.labels, labels));
}

function isSame(one: Sample['labels'], other: Sample['labels']): boolean {
  if (one === other) return true;
  for (const label in one) if (one[label] !== other[label]) return false;
  return true;
}
