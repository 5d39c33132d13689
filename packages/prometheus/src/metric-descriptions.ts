/**
 * Metric descriptions: the table of metrics as programs that make dashboards and rules want it.
 *
 * @module
 */

import { type MetricDescription, metricTable } from '@holdfast/metrics';

/** Every metric that there is, for programs that make dashboards and rules. Names are without the prefix. */
export const metricDescriptions: readonly MetricDescription[] = Object.freeze(
  metricTable.map(({ name, type, help, unit, labels, aggregator }) =>
    Object.freeze({ name, type, help, unit, labels, aggregator }),
  ),
);
