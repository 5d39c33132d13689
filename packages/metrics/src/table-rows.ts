/**
 * Table rows: every metric there is, what it is called, what it means, and what it is read from.
 *
 * Exporters are driven by them, and the tables in the documentation, the dashboard and the rules are made of them.
 *
 * Invariants
 *  (1) A series' label values, but for the name of its policy or feature, its key and a feature's modes, are of a closed set.
 *  (2) Every label combination of a policy is there from its birth, with 0 where nothing has happened yet.
 *  (3) A one-hot gauge lists its states from the best to the worst, and exactly one of them is 1.
 *
 * @module
 */

import { contextRows, featureRows } from './feature-rows.ts';
import { incomingRows } from './incoming-rows.ts';
import type { MetricRow } from './metric-row.ts';
import { policyRows } from './policy-rows.ts';
import { sqlRows, storeRows, workRows } from './service-rows.ts';

/** Every metric and how it is read, in the order in which they are shown. */
export const metricRows: readonly MetricRow[] = Object.freeze([
  ...policyRows,
  ...storeRows,
  ...featureRows,
  ...contextRows,
  ...incomingRows,
  ...workRows,
  ...sqlRows,
]);
