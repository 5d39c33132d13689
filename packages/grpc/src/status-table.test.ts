import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';

import { grpcStatusTable, statusNumberOf, statusRowOf } from './status-table.ts';

describe('the status table', { timeout: 60_000 }, () => {
  it('(1): has a row for every status of grpc-js, by its number', () => {
    const names = Object.entries(status).filter(([, number]) => typeof number === 'number');

    expect(grpcStatusTable).toHaveLength(names.length);
    for (const [name, number] of names) {
      expect(statusRowOf(number)).toMatchObject({ name, number });
      expect(statusNumberOf(name as never)).toBe(number);
    }
  });

  it.each([17, -1, 1.5, NaN, Infinity, '3', undefined, null, {}])('(1): reads %s as UNKNOWN', (number) => {
    expect(statusRowOf(number).name).toBe('UNKNOWN');
  });

  it('retries only what is a failure of the dependency, and fails nothing that the caller has done wrong', () => {
    const retried = grpcStatusTable.filter(({ isRetryable }) => isRetryable !== false);
    const failed = grpcStatusTable.filter(({ verdict }) => verdict === 'failure');

    expect(retried.map(({ name }) => name)).toEqual(['RESOURCE_EXHAUSTED', 'UNAVAILABLE']);
    expect(failed.map(({ name }) => name)).toEqual([
      'UNKNOWN',
      'DEADLINE_EXCEEDED',
      'RESOURCE_EXHAUSTED',
      'INTERNAL',
      'UNAVAILABLE',
      'DATA_LOSS',
    ]);
  });
});
