/**
 * Series table: the series of one reading by metric, with values under the same labels put together.
 *
 * Two policies share their labels when they are of the same name in two registries, or folded into one name.
 *
 * Invariants
 *  (1) A sum of counters is what they count together.
 *  (2) Of several one-hot readings under one name, the worst state is 1 and all others are 0.
 *
 * @module
 */

import { KEY_LABEL, type Metric, type MetricRow } from './metric-row.ts';
import { BOUND_LABEL, type Exemplar, type HistogramPart, type Sample, histogramPart } from './sample.ts';

/** What series are of: a policy or feature by its name, or a member of a keyed policy by that one's name and the key. */
export interface Place {
  readonly name: string;
  readonly key?: string | undefined;
}

/** One series: its labels and its value now. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** What it is of a histogram: a bucket, whose bound is its last label, `le`, or the sum or the count, which have no bound. */
  readonly part?: HistogramPart;
  value: number;
  exemplar?: Exemplar | undefined;
}

/** The series of all metrics. */
export class SeriesTable {
  readonly #series = new Map<Metric, Map<string, Series>>();
  /** Where the 1 of each one-hot name stands, and how bad that state is. */
  readonly #hottest = new Map<MetricRow, Map<string, { readonly rank: number; readonly series: Series }>>();

  /** The series of one metric. */
  of(metric: Metric): Iterable<Series> {
    return this.#series.get(metric)?.values() ?? [];
  }

  /** Adds what was read of what is at `place`. */
  add(row: MetricRow, place: Place, samples: readonly Sample[]): void {
    if (row.fold === 'one-hot') {
      this.#addOneHot(row, place, samples);
      return;
    }
    for (const sample of samples) {
      const series = this.#at(row, place, sample.labels);
      series.value = row.fold === 'max' ? Math.max(series.value, sample.value) : series.value + sample.value; // (1)
      if (sample.exemplar !== undefined) series.exemplar = sample.exemplar;
    }
  }

  // --- internal ---

  #addOneHot(row: MetricRow, place: Place, samples: readonly Sample[]): void {
    const hottest = entryOf(this.#hottest, row);
    const at = keyOf(place);
    for (const [rank, sample] of samples.entries()) {
      const series = this.#at(row, place, sample.labels);
      if (sample.value !== 1) continue;
      const before = hottest.get(at);
      if (before !== undefined && before.rank >= rank) continue;
      if (before !== undefined) before.series.value = 0;
      series.value = 1; // (2)
      hottest.set(at, { rank, series });
    }
  }

  #at(row: MetricRow, place: Place, labels: Sample['labels']): Series {
    const table = entryOf(this.#series, row);
    let at = keyOf(place);
    for (const label of row.labels)
      if (label !== row.nameLabel && label !== KEY_LABEL) at += `\0${labels[label] as string}`;
    let series = table.get(at);
    if (series === undefined) {
      series = row.type === 'histogram' ? newPart(row, place, labels) : newSeries(row, place, labels);
      table.set(at, series);
    }
    return series;
  }
}

function newSeries({ nameLabel }: MetricRow, { name, key }: Place, labels: Sample['labels']): Series {
  const own = { [nameLabel]: name, ...labels };
  return { labels: key === undefined ? own : { ...own, [KEY_LABEL]: key }, value: 0 };
}

function newPart({ nameLabel }: MetricRow, { name, key }: Place, labels: Sample['labels']): Series {
  const part = histogramPart(labels);
  const own: Record<string, string> = { [nameLabel]: name };
  for (const label in labels) if (label !== BOUND_LABEL) own[label] = labels[label] as string;
  if (key !== undefined) own[KEY_LABEL] = key;
  if (part === 'bucket') own[BOUND_LABEL] = labels[BOUND_LABEL] as string;
  return { labels: own, part, value: 0 };
}

function keyOf({ name, key }: Place): string {
  return key === undefined ? name : `${name}\0\0${key}`;
}

function entryOf<K, V>(map: Map<K, Map<string, V>>, key: K): Map<string, V> {
  let entry = map.get(key);
  if (entry === undefined) {
    entry = new Map();
    map.set(key, entry);
  }
  return entry;
}
