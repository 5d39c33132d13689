/**
 * Values under the same labels, put together.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import type { MetricRow } from './metric-row.ts';
import { metricRows } from './table-rows.ts';
import type { Sample } from './sample.ts';
import { SeriesTable } from './series-table.ts';

function rowOf(name: string): MetricRow {
  const row = metricRows.find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`no metric ${name}`);
  return row;
}

function modes(current: string): readonly Sample[] {
  return ['full', 'cached', 'off'].map((mode) => ({ labels: { mode }, value: mode === current ? 1 : 0 }));
}

describe('SeriesTable', () => {
  it('(1) adds up counters under the same labels', () => {
    const row = rowOf('retries_total');
    const table = new SeriesTable();
    table.add(row, { name: 'prices' }, [{ labels: {}, value: 2 }]);
    table.add(row, { name: 'prices' }, [{ labels: {}, value: 3 }]);
    table.add(row, { name: 'stock' }, [{ labels: {}, value: 7 }]);

    expect([...table.of(row)]).toEqual([
      { labels: { name: 'prices' }, value: 5 },
      { labels: { name: 'stock' }, value: 7 },
    ]);
  });

  it.each([
    ['full', 'off', 'off'],
    ['off', 'full', 'off'],
    ['cached', 'cached', 'cached'],
    ['cached', 'full', 'cached'],
  ])('(2) of %s and %s, %s is 1', (first, second, worst) => {
    const row = rowOf('feature_mode');
    const table = new SeriesTable();
    table.add(row, { name: 'tips' }, modes(first));
    table.add(row, { name: 'tips' }, modes(second));

    const hot = [...table.of(row)].filter(({ value }) => value !== 0);

    expect(hot).toEqual([{ labels: { feature: 'tips', mode: worst }, value: 1 }]);
  });

  it('takes the longest of several remaining times', () => {
    const row = rowOf('feature_override_remaining_seconds');
    const table = new SeriesTable();
    table.add(row, { name: 'tips' }, [{ labels: {}, value: 3 }]);
    table.add(row, { name: 'tips' }, [{ labels: {}, value: 2 }]);

    expect([...table.of(row)]).toEqual([{ labels: { feature: 'tips' }, value: 3 }]);
  });

  it('has nothing of a metric that nothing was added to', () => {
    expect([...new SeriesTable().of(rowOf('retries_total'))]).toEqual([]);
  });
});
