/**
 * Read histogram: a histogram of prom-client whose buckets were counted by somebody else.
 *
 * In the series table, its buckets, its sum and its count are series of one metric, told apart by the label `le`.
 *
 * Invariants
 *  (1) What is exported is `_bucket` with `le`, `_sum` and `_count`, as of any histogram.
 *
 * @module
 */

import { Histogram, type HistogramConfiguration } from 'prom-client';

import { COUNT, SUM } from './sample.ts';
import type { Series } from './series-table.ts';

/** A histogram that reads its series when it is asked for them. */
export class ReadHistogram extends Histogram {
  readonly #head: Pick<Reading, 'name' | 'help' | 'aggregator'>;
  readonly #read: () => Iterable<Series>;

  constructor(configuration: HistogramConfiguration<string>, read: () => Iterable<Series>) {
    super(configuration);
    const { name, help, aggregator = 'sum' } = configuration;
    this.#head = { name, help, aggregator };
    this.#read = read;
  }

  override async get(): Promise<Reading> {
    const values = [...this.#read()].map((series) => valueOf(this.#head.name, series));
    return { ...this.#head, type: 'histogram', values } as unknown as Reading; // the enum of its types is not what it uses
  }

  /** What prom-client calls in place of `get` for the text format. */
  getForPromString(): Promise<Reading> {
    return this.get();
  }
}

// --- internal ---

type Reading = Awaited<ReturnType<Histogram['get']>>;

function valueOf(name: string, { labels, value }: Series) {
  const { le = '', ...others } = labels;
  if (le === SUM || le === COUNT) return { labels: others, value, metricName: `${name}_${le}` };
  return { labels: { ...others, le }, value, metricName: `${name}_bucket` }; // (1)
}
