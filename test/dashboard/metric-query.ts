/**
 * Metric query: how queries name metrics. A name that is not in the table cannot be written.
 *
 * @module
 */

import { type MetricDescription, metricDescriptions, prometheusDefaults } from '@holdfast/prometheus';

const byName = new Map(metricDescriptions.map((metric) => [metric.name, metric]));

/**
 * Returns the selector of a metric: `circuit_state`, with matchers such as `state="open"`. For a histogram its buckets.
 *
 * @throws TypeError when there is no such metric, or it has no such label.
 */
export function selector(name: string, ...matchers: readonly string[]): string {
  const metric = descriptionOf(name);
  for (const matcher of matchers) {
    const label = /^\w+/.exec(matcher)?.[0] ?? '';
    if (!metric.labels.includes(label) && !serverLabels.has(label))
      throw new TypeError(`${name} has no label ${label}: it has ${metric.labels.join(', ')}`);
  }
  const suffix = metric.type === 'histogram' ? '_bucket' : '';
  const braces = matchers.length === 0 ? '' : `{${matchers.join(',')}}`;
  return `${prometheusDefaults.prefix}${name}${suffix}${braces}`;
}

/** The metrics that a query names, without the prefix, in the order of the table. */
export function metricsIn(query: string): readonly string[] {
  const words = new Set(query.match(/\w+/g));
  const isNamed = ({ name, type }: MetricDescription): boolean =>
    words.has(`${prometheusDefaults.prefix}${name}${type === 'histogram' ? '_bucket' : ''}`);
  return metricDescriptions.filter(isNamed).map(({ name }) => name);
}

// --- internal ---

/**
 * Returns what the table says of a metric.
 *
 * @throws TypeError when there is no such metric.
 */
function descriptionOf(name: string): MetricDescription {
  const metric = byName.get(name);
  if (metric === undefined) throw new TypeError(`there is no metric ${name}`);
  return metric;
}

/** What the server puts to every series. */
const serverLabels = new Set(['job', 'instance']);
