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

import type { Registry } from '@holdfast/core';
import { Counter, Gauge, type OpenMetricsContentType, type Registry as PromRegistry } from 'prom-client';

import type { ContextSource } from './context-source.ts';
import type { DegradationSource } from './degradation-source.ts';
import { type Kind, type MetricRow, metricTable } from './metric-table.ts';
import { NameCap } from './name-cap.ts';
import { ReadHistogram } from './read-histogram.ts';
import { BOUND_LABEL } from './sample.ts';
import { SeriesTable } from './series-table.ts';
import { type Source, type Subject, subjectsOf } from './subject.ts';

/** A register of prom-client, of either content type. */
export type PrometheusRegister = PromRegistry | PromRegistry<OpenMetricsContentType>;

/** What one caller wants to see in a register. */
export interface Subscription {
  readonly registry: Registry;
  readonly degradation: DegradationSource | undefined;
  readonly contexts: ContextSource | undefined;
  readonly maxNames: number;
}

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
  readonly #metrics = new Map<MetricRow, Metric>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #caps = new Map<Kind, NameCap>();
  readonly #sourceIds = new WeakMap<object, number>();
  #sourceCount = 0;
  #reading: SeriesTable | undefined;

  constructor(register: PrometheusRegister, prefix: string) {
    this.#register = register;
    this.#prefix = prefix;
  }

  /** Registers the metrics that the register does not have. */
  register(): void {
    for (const row of metricTable) {
      if (this.#register.getSingleMetric(this.#prefix + row.name) !== undefined) continue;
      const metric = this.#metrics.get(row) ?? this.#create(row);
      this.#metrics.set(row, metric);
      this.#register.registerMetric(metric);
    }
  }

  /** Shows what `subscription` wants to see from the next scrape on. */
  add(subscription: Subscription): void {
    this.#subscriptions.add(subscription);
    this.#reading = undefined;
  }

  /** Ends that. The second time changes nothing. */
  remove(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    this.#reading = undefined;
    if (this.#subscriptions.size > 0) return;
    for (const [row, metric] of this.#metrics) {
      metric.reset();
      const name = this.#prefix + row.name;
      if (this.#register.getSingleMetric(name) === metric) this.#register.removeSingleMetric(name); // (4)
    }
  }

  // --- internal ---

  #create(row: MetricRow): Metric {
    // oxlint-disable-next-line typescript/no-this-alias -- in the callback, this is the metric
    const set = this;
    const { help, aggregator } = row;
    const name = this.#prefix + row.name;
    const common = { name, help, aggregator, labelNames: ownLabels(row), registers: [] };
    const metric = create();
    Object.defineProperty(metric, METRIC_SET, { value: this });
    return metric;

    function create(): Metric {
      if (row.type === 'histogram') return new ReadHistogram(common, () => set.#read().of(row));
      return row.type === 'counter'
        ? new Counter({ ...common, collect: fill })
        : new Gauge({ ...common, collect: fill });
    }

    function fill(this: Counter | Gauge): void {
      set.#restoreName(this, name);
      this.reset();
      for (const { labels, value } of set.#read().of(row)) {
        if (this instanceof Gauge) this.set(labels, value);
        else this.inc(labels, value);
      }
    }
  }

  /**
   * A register in the OpenMetrics format takes `_total` off the names of its counters, for good. Put back here, so that
   * one register can answer in both formats.
   */
  #restoreName(metric: Counter | Gauge, name: string): void {
    if (metric instanceof Gauge) return;
    const isOpenMetrics = this.#register.contentType.startsWith('application/openmetrics-text');
    (metric as { name?: string }).name = isOpenMetrics ? name.replace(/_total$/, '') : name;
  }

  /** prom-client collects the metrics of one scrape without a pause, so a reading serves until the present run ends. */
  #read(): SeriesTable {
    if (this.#reading !== undefined) return this.#reading;
    const reading = this.#readAll();
    this.#reading = reading;
    void this.#forgetSoon(reading);
    return reading;
  }

  async #forgetSoon(reading: SeriesTable): Promise<void> {
    await Promise.resolve();
    if (this.#reading === reading) this.#reading = undefined; // (3)
  }

  #readAll(): SeriesTable {
    const subjects = new Map<Kind, Subject[]>();
    const incomplete = new Set<Kind>();
    for (const source of this.#sources()) {
      const found = subjectsOf(source);
      if (found === undefined) incomplete.add('contexts' in source ? 'context' : 'feature');
      for (const subject of found ?? []) listOf(subjects, subject.kind).push(subject);
    }
    const maxNames = Math.max(...[...this.#subscriptions].map((subscription) => subscription.maxNames));
    const table = new SeriesTable();
    for (const kind of new Set([...subjects.keys(), ...this.#caps.keys()])) {
      this.#capOf(kind).collect(subjects.get(kind) ?? [], table, { maxNames, isComplete: !incomplete.has(kind) });
    }
    return table;
  }

  #sources(): readonly Source[] {
    const all = [...this.#subscriptions];
    const [registries, degradations, contexts] = [
      new Set(all.map(({ registry }) => registry)),
      new Set(all.flatMap(({ degradation }) => degradation ?? [])),
      new Set(all.flatMap((subscription) => subscription.contexts ?? [])),
    ];
    return [
      ...[...registries].map((registry) => ({ id: this.#idOf(registry), registry })),
      ...[...degradations].map((degradation) => ({ id: this.#idOf(degradation), degradation })),
      ...[...contexts].map((source) => ({ id: this.#idOf(source), contexts: source })),
    ];
  }

  #idOf(source: object): number {
    const id = this.#sourceIds.get(source) ?? ++this.#sourceCount;
    this.#sourceIds.set(source, id);
    return id;
  }

  #capOf(kind: Kind): NameCap {
    const cap = this.#caps.get(kind) ?? new NameCap();
    this.#caps.set(kind, cap);
    return cap;
  }
}

type Metric = Counter | Gauge | ReadHistogram;

/** On each of our metrics: the set that it belongs to. Known to every copy of this package. */
const METRIC_SET: unique symbol = Symbol.for('@holdfast/prometheus/metric-set') as never;

interface Registered {
  readonly type?: string;
  readonly labelNames?: readonly string[];
  readonly [METRIC_SET]?: MetricSet;
}

/** The set that the register's metric of that name belongs to; undefined where there is no such metric. */
function existing(register: PrometheusRegister, prefix: string, row: MetricRow): MetricSet | undefined {
  const metric = register.getSingleMetric(prefix + row.name) as Registered | undefined;
  if (metric === undefined) return undefined;
  const set = metric[METRIC_SET];
  const shape = `${metric.type} ${prefix}${row.name}{${metric.labelNames?.join()}}`;
  const isSame = metric.type === row.type && metric.labelNames?.join() === ownLabels(row).join();
  if (set !== undefined && isSame) return set; // (1)
  throw new TypeError(`the register has a metric ${shape} that is not of this exporter; give it another prefix`); // (2)
}

/** The labels that are a metric's own: those of buckets are prom-client's. */
function ownLabels(row: MetricRow): string[] {
  return row.labels.filter((label) => label !== BOUND_LABEL);
}

function listOf<K, V>(map: Map<K, V[]>, key: K): V[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
