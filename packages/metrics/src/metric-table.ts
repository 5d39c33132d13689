/**
 * Metric table: every metric that there is, as exporters see it.
 *
 * @module
 */

import type { Metric } from './metric-row.ts';
import { metricRows } from './table-rows.ts';

/** Every metric that there is, in the order in which they are shown. */
export const metricTable: readonly Metric[] = metricRows;
