/**
 * The Prometheus page lists the metrics that there are.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { metricPage, metricTable, metricTableIn } from './metric-table.ts';
import { normalizeTable } from './option-table.ts';

describe('the metric table of the Prometheus page', () => {
  const page = readFileSync(metricPage, 'utf8');

  it('is that of the exporter', () => {
    expect(normalizeTable(metricTableIn(page) ?? '')).toBe(normalizeTable(metricTable()));
  });

  it('is found between its markers only', () => {
    expect(metricTableIn('no table')).toBeUndefined();
    expect(metricTableIn('<!-- metrics:end --> <!-- metrics:start -->')).toBeUndefined();
  });
});
