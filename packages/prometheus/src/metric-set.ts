/**
 * Metric set: the metrics of one prom-client register under one prefix, and whom they are read from.
 *
 * Invariants
 *  (1) There is one set per register and prefix, also for several copies of this package.
 *  (2) A metric that somebody else registered is never touched.
 *  (3) Nothing is read between scrapes, and the metrics of one scrape are of one reading.
 *  (4) When the last source leaves, the register is as it was before.
 *
 * @module
 */

import { type CallDurations, type Metric, type MetricSources, type Series, metricTable } from '@holdfast/metrics';
import type { OpenMetricsContentType, Registry as PromRegistry } from 'prom-client';

import { ReadCounter, ReadGauge, ReadHistogram, type ReadMetric } from './read-metric.ts';
import { Scrapes } from './scrapes.ts';

/** A register of prom-client, of either content type. */
export type PrometheusRegister = PromRegistry | PromRegistry<OpenMetricsContentType>;

/**
 * Returns the metric set of `register` under `prefix`; makes it where there is none.
 *
 * @throws TypeError when a name is taken by a metric that is not ours, or is ours and has another shape.
 */
export function metricSetOf(register: PrometheusRegister, prefix: string): MetricSet {
  const found = metricTable.map((row) => existing(register, prefix, row)).find((set) => set !== undefined);
  const set = found ?? new MetricSet(register, prefix);
  set.register();
  return set;
}

/** The metrics of one register under one prefix. */
export class MetricSet {
  readonly #register: PrometheusRegister;
  readonly #prefix: string;
  readonly #metrics = new Map<Metric, ReadMetric>();
  readonly #scrapes = new Scrapes();

  constructor(register: PrometheusRegister, prefix: string) {
    this.#register = register;
    this.#prefix = prefix;
  }

  /** Registers the metrics that the register does not have. */
  register(): void {
    for (const row of metricTable) {
      if (this.#register.getSingleMetric(this.#prefix + row.name) !== undefined) continue;
      const metric = this.#create(row);
      this.#metrics.set(row, metric);
      this.#register.registerMetric(metric);
    }
  }

  /** Shows what is in `sources` from the next scrape on. Returns what ends that; the second time it changes nothing. */
  add(sources: MetricSources, durations: CallDurations): () => void {
    const end = this.#scrapes.add(sources, durations);
    return () => {
      end();
      if (this.#scrapes.isEmpty) this.#leave();
    };
  }

  // --- internal ---

  #leave(): void {
    for (const [row, metric] of this.#metrics) {
      const name = this.#prefix + row.name;
      if (this.#register.getSingleMetric(name) === metric) this.#register.removeSingleMetric(name); // (4)
    }
  }

  #create(row: Metric): ReadMetric {
    const { help, aggregator } = row;
    const common = { name: this.#prefix + row.name, help, aggregator, labelNames: ownLabels(row), registers: [] };
    const read = (): Iterable<Series> | Promise<Iterable<Series>> => this.#scrapes.seriesOf(row);
    const metric = create(row, { common, read, hasSuffix: () => !this.#isOpenMetrics });
    Object.defineProperty(metric, METRIC_SET, { value: this });
    return metric;
  }

  get #isOpenMetrics(): boolean {
    return this.#register.contentType.startsWith('application/openmetrics-text');
  }
}

interface MetricParts {
  readonly common: {
    readonly name: string;
    readonly help: string;
    readonly aggregator: 'sum' | 'max';
    readonly labelNames: string[];
    readonly registers: never[];
  };
  readonly read: () => Iterable<Series> | Promise<Iterable<Series>>;
  readonly hasSuffix: () => boolean;
}

function create({ type }: Metric, { common, read, hasSuffix }: MetricParts): ReadMetric {
  if (type === 'histogram') return new ReadHistogram(common, read);
  return type === 'counter' ? new ReadCounter(common, read, hasSuffix) : new ReadGauge(common, read);
}

/** On each of our metrics: the set that it belongs to. Known to every copy of this package. */
const METRIC_SET: unique symbol = Symbol.for('@holdfast/prometheus/metric-set') as never;

interface Registered {
  readonly type?: string;
  readonly labelNames?: readonly string[];
  readonly [METRIC_SET]?: MetricSet;
}

/** The set that the register's metric of that name belongs to; undefined where there is no such metric. */
function existing(register: PrometheusRegister, prefix: string, row: Metric): MetricSet | undefined {
  const metric = register.getSingleMetric(prefix + row.name) as Registered | undefined;
  if (metric === undefined) return undefined;
  const set = metric[METRIC_SET];
  const shape = `${metric.type} ${prefix}${row.name}{${metric.labelNames?.join()}}`;
  const isSame = metric.type === row.type && metric.labelNames?.join() === ownLabels(row).join();
  if (set !== undefined && isSame) return set; // (1)
  throw new TypeError(`the register has a metric ${shape} that is not of this exporter; give it another prefix`); // (2)
}

/** The labels that are a metric's own: those of buckets are prom-client's. */
function ownLabels(row: Metric): string[] {
  return row.labels.filter((label) => label !== 'le');
}
