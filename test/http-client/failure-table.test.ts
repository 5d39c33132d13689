import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { clientsPage, failureRowsOn, withFailureTable } from './failure-table.ts';

it('the page of HTTP clients shows the table of failures', () => {
  const page = readFileSync(inRepository(clientsPage), 'utf8');

  expect(failureRowsOn(page)).toEqual(failureRowsOn(withFailureTable(page)));
  expect(failureRowsOn(page).length).toBeGreaterThan(15);
});
