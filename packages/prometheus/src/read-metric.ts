/**
 * Read metric: metrics of prom-client whose series are read from somebody else when they are asked for.
 *
 * Invariants
 *  (1) What is exported of a histogram is `_bucket` with `le`, `_sum` and `_count`, as of any histogram.
 *  (2) A register in the OpenMetrics format puts `_total` to the names of counters by itself, and is given them without it.
 *
 * @module
 */

import type { Exemplar, Series } from '@holdfast/metrics';
import {
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
} from 'prom-client';

/** Reads the series of a metric. */
export type ReadSeries = () => Iterable<Series> | Promise<Iterable<Series>>;

/** A gauge that is read. */
export class ReadGauge extends Gauge {
  readonly #read: ReadSeries;

  constructor(configuration: GaugeConfiguration<string>, read: ReadSeries) {
    super(configuration);
    this.#read = read;
  }

  override async get(): Promise<Awaited<ReturnType<Gauge['get']>>> {
    return readingOf(this, 'gauge', [...(await this.#read())]);
  }
}

/** A counter that is read. `hasSuffix` says whether its name is wanted with `_total` at present. */
export class ReadCounter extends Counter {
  readonly #read: ReadSeries;
  readonly #hasSuffix: () => boolean;

  constructor(configuration: CounterConfiguration<string>, read: ReadSeries, hasSuffix: () => boolean) {
    super(configuration);
    this.#read = read;
    this.#hasSuffix = hasSuffix;
  }

  override async get(): Promise<Awaited<ReturnType<Counter['get']>>> {
    const reading: Awaited<ReturnType<Counter['get']>> = readingOf(this, 'counter', [...(await this.#read())]);
    const name = reading.name.replace(/_total$/, '');
    return { ...reading, name: this.#hasSuffix() ? `${name}_total` : name }; // (2)
  }
}

/** A histogram that is read. */
export class ReadHistogram extends Histogram {
  readonly #read: ReadSeries;

  constructor(configuration: HistogramConfiguration<string>, read: ReadSeries) {
    super(configuration);
    this.#read = read;
  }

  override async get(): Promise<Awaited<ReturnType<Histogram['get']>>> {
    const { name } = this as unknown as Head;
    const values = Array.from(await this.#read(), (series) => valueOf(name, series));
    return readingOf(this, 'histogram', values);
  }

  /** What prom-client calls in place of `get` for the text format. */
  getForPromString(): Promise<Awaited<ReturnType<Histogram['get']>>> {
    return this.get();
  }
}

/** Any of them. */
export type ReadMetric = ReadGauge | ReadCounter | ReadHistogram;

// --- internal ---

/** What prom-client keeps of a configuration. */
interface Head {
  readonly name: string;
  readonly help: string;
  readonly aggregator: string;
}

/** The enum that its types have for `type` is not what prom-client uses. */
function readingOf(metric: object, type: string, values: readonly unknown[]): never {
  const { name, help, aggregator } = metric as Head;
  return { name, help, aggregator, type, values } as never;
}

function valueOf(name: string, { labels, part, value, exemplar }: Series) {
  return { labels, value, metricName: `${name}_${part}`, exemplar: exemplar && exampleOf(exemplar) }; // (1)
}

/** An example as prom-client writes it: in seconds. */
function exampleOf({ traceId, durationMs, atMs }: Exemplar) {
  return { labelSet: { trace_id: traceId }, value: durationMs / 1000, timestamp: atMs / 1000 };
}
