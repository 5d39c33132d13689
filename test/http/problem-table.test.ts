/**
 * The table of problems in the page is the one in the source.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { problemKinds } from '@holdfast/http';
import { expect, it } from 'vitest';

import { inRepository } from '../repository.ts';

it('the page of servers shows every problem as the source has it', () => {
  const page = readFileSync(inRepository('docs/packages/http-servers.md'), 'utf8');
  const table = /<!-- problems:start -->\s*([\s\S]*?)\s*<!-- problems:end -->/.exec(page)?.[1] ?? '';
  const rows = table
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const declared = Object.entries(problemKinds).map(([code, { slug, status, title, mayRetry }]) => [
    `\`${code}\``,
    String(status),
    `\`https://holdfast.dev/problems/${slug}\``,
    title,
    mayRetry ? 'yes' : 'no',
  ]);

  expect(rows).toEqual(declared);
});
