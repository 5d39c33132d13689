/**
 * Line exporter: a small exporter for tests, which writes one line per series, as the text format of Prometheus does.
 *
 * @module
 */

import { type CallBucketsSettings, callBuckets } from '../call-recorder.ts';
import { type MetricReading, type MetricSubscription, createMetricReader } from '../metric-reader.ts';
import type { Metric } from '../metric-row.ts';
import { type MetricSourcesOptions, resolveSources } from '../metric-sources.ts';
import { metricTable } from '../metric-table.ts';
import type { Series } from '../series-table.ts';

/** One metric and its series. */
export interface WrittenMetric {
  readonly name: string;
  readonly values: readonly Series[];
}

/** Where exporters write to: what they share is counted once. */
export class LineRegister {
  readonly reader = createMetricReader('lines');

  /** All that there is to see, a line each. */
  async metrics(): Promise<string> {
    const written = await this.#read((metric, series) => lineOf(metric, series));
    return `${written.flatMap(({ values }) => values).join('\n')}\n`;
  }

  /** All metrics with what they have. */
  getMetricsAsJSON(): Promise<WrittenMetric[]> {
    return this.#read((_metric, series) => series);
  }

  // --- internal ---

  async #read<T>(write: (metric: Metric, series: Series) => T): Promise<{ name: string; values: T[] }[]> {
    const reading = this.reader.read();
    const awaited = await this.reader.readAwaited();
    const of = ({ isAwaited }: Metric): MetricReading => (isAwaited ? awaited : reading);
    return metricTable.map((metric) => {
      const values = Array.from(of(metric).of(metric), (series) => write(metric, series));
      return { name: `holdfast_${metric.name}`, values };
    });
  }
}

/** What the exporter may be told. */
export interface LineExporterOptions extends MetricSourcesOptions, Partial<Omit<CallBucketsSettings, 'boundsMs'>> {
  readonly register: LineRegister;
  readonly durationBoundsMs?: readonly number[];
}

/** Shows what it is given in `register`. */
export function lineExporter(given: LineExporterOptions): MetricSubscription {
  const defaults = { durationBoundsMs: [1000], wallClock: () => 0 };
  const { sources, options } = resolveSources('lines', given, { defaults, names: ['register', 'traceIdOf'] });
  const { register, durationBoundsMs: boundsMs, traceIdOf, wallClock } = options;
  return register.reader.add(sources, callBuckets('lines', { boundsMs, traceIdOf, wallClock }));
}

// --- internal ---

function lineOf({ name }: Metric, { labels, part, value }: Series): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return `holdfast_${name}${part === undefined ? '' : `_${part}`}{${pairs.join(',')}} ${value}`;
}
