/**
 * Series table: the series of one scrape by metric, with values under the same labels put together.
 *
 * Two policies share their labels when they are of the same name in two registries, or folded into one name.
 *
 * Invariants
 *  (1) A sum of counters is what they count together.
 *  (2) Of several one-hot readings under one name, the worst state is 1 and all others are 0.
 *
 * @module
 */

import type { MetricRow } from './metric-table.ts';
import type { Sample } from './sample.ts';

/** One series: its labels and its value now. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

/** The series of all metrics. */
export class SeriesTable {
  readonly #series = new Map<MetricRow, Map<string, Series>>();
  /** Where the 1 of each one-hot name stands, and how bad that state is. */
  readonly #hottest = new Map<MetricRow, Map<string, { readonly rank: number; readonly series: Series }>>();

  /** The series of one metric. */
  of(row: MetricRow): Iterable<Series> {
    return this.#series.get(row)?.values() ?? [];
  }

  /** Adds what was read of the policy or feature called `name`. */
  add(row: MetricRow, name: string, samples: readonly Sample[]): void {
    if (row.fold === 'one-hot') {
      this.#addOneHot(row, name, samples);
      return;
    }
    for (const sample of samples) {
      const series = this.#at(row, name, sample);
      series.value = row.fold === 'max' ? Math.max(series.value, sample.value) : series.value + sample.value; // (1)
    }
  }

  /** Adds the counters of `other` as they are. */
  addAll(other: SeriesTable): void {
    for (const [row, table] of other.#series) {
      for (const { labels, value } of table.values())
        this.#at(row, labels[row.nameLabel] ?? '', { labels, value }).value += value;
    }
  }

  // --- internal ---

  #addOneHot(row: MetricRow, name: string, samples: readonly Sample[]): void {
    const hottest = entryOf(this.#hottest, row);
    for (const [rank, sample] of samples.entries()) {
      const series = this.#at(row, name, sample);
      if (sample.value !== 1) continue;
      const before = hottest.get(name);
      if (before !== undefined && before.rank >= rank) continue;
      if (before !== undefined) before.series.value = 0;
      series.value = 1; // (2)
      hottest.set(name, { rank, series });
    }
  }

  #at(row: MetricRow, name: string, { labels }: Sample): Series {
    const table = entryOf(this.#series, row);
    let key = name;
    for (const label of row.labels) if (label !== row.nameLabel) key += `\0${labels[label]}`;
    let series = table.get(key);
    if (series === undefined) {
      series = { labels: { [row.nameLabel]: name, ...labels }, value: 0 };
      table.set(key, series);
    }
    return series;
  }
}

function entryOf<K, V>(map: Map<K, Map<string, V>>, key: K): Map<string, V> {
  let entry = map.get(key);
  if (entry === undefined) {
    entry = new Map();
    map.set(key, entry);
  }
  return entry;
}
