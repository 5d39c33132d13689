/**
 * The pages of the exporters list the metrics that there are.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { generatedTables, metricTableIn } from './metric-table.ts';
import { normalizeTable } from './option-table.ts';

describe('the table of metrics', () => {
  it.each(generatedTables.map(({ page, table }) => [page, table] as const))(
    'in %s is that of the exporter',
    (page, table) => {
      const written = metricTableIn(readFileSync(inRepository(page), 'utf8'));

      expect(normalizeTable(written ?? '')).toBe(normalizeTable(table()));
    },
  );

  it('is found between its markers only', () => {
    expect(metricTableIn('no table')).toBeUndefined();
    expect(metricTableIn('<!-- metrics:end --> <!-- metrics:start -->')).toBeUndefined();
  });
});
