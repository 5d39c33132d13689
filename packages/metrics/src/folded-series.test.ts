import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FoldedSeries } from './folded-series.ts';
import { type MetricRow, counter, gauge } from './metric-row.ts';
import type { Sample } from './sample.ts';
import { SeriesTable } from './series-table.ts';

const entry = { help: 'Help.', unit: 'things', read: {} };
const rows: readonly MetricRow[] = [
  counter('things_total', ['name', 'kind'], entry),
  gauge('things', ['name', 'kind'], entry),
  gauge('things_max', ['name', 'kind'], { ...entry, fold: 'max' }),
];
const states = gauge('state', ['name', 'kind'], { ...entry, fold: 'one-hot' });
const kinds = ['a', 'b', 'c', 'd'] as const;

/** The samples of one policy: any of the kinds, in any order. */
const samples = fc
  .uniqueArray(fc.record({ kind: fc.constantFrom(...kinds), value: fc.nat(100) }), { selector: ({ kind }) => kind })
  .map((list): Sample[] => list.map(({ kind, value }) => ({ labels: { kind }, value })));

const oneHot = fc
  .constantFrom(...kinds)
  .map((hot): Sample[] => kinds.map((kind) => ({ labels: { kind }, value: Number(kind === hot) })));

const place = { name: '__other__' };

function compare(row: MetricRow, policies: readonly (readonly Sample[])[]): void {
  const [folded, plain, table] = [new FoldedSeries(), new SeriesTable(), new SeriesTable()];
  for (const policy of policies) {
    plain.add(row, place, policy);
    for (const [at, sample] of policy.entries()) folded.add(row, { ...sample, at });
  }
  folded.addTo(table, place);
  const sorted = (from: SeriesTable) => [...from.of(row)].toSorted((one, other) => one.labels['kind']!.localeCompare(other.labels['kind']!)); // prettier-ignore
  expect(sorted(table)).toEqual(sorted(plain));
}

describe('folded series', () => {
  it('(1) comes to the same as a table of all', () => {
    fc.assert(
      fc.property(fc.constantFrom(...rows), fc.array(samples, { maxLength: 8 }), (row, policies) =>
        compare(row, policies),
      ),
    );
    fc.assert(fc.property(fc.array(oneHot, { maxLength: 8 }), (policies) => compare(states, policies)));
  });
});
