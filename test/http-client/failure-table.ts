/**
 * The table of failures as the page of HTTP clients shows it.
 *
 *   node --conditions=@holdfast/source --import tsx test/http-client/failure-table.ts    writes the page
 *
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs';

import { type HttpFailure, httpErrorFailures, httpStatusFailures } from '@holdfast/http';

import { inRepository } from '../repository.ts';

/** Where the page is, from the top of the repository. */
export const clientsPage = 'docs/packages/http-clients.md';

/** Returns `page` with the table of failures between its markers. */
export function withFailureTable(page: string): string {
  const head = ['status or code', 'of the server', 'may pass', 'unsent', 'meaning'];
  const rows = [...httpStatusFailures, ...httpErrorFailures].map(cellsOf);
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  return page.replace(
    /(<!-- failures:start -->)[\s\S]*(<!-- failures:end -->)/,
    (_all, start: string, end: string) => `${start}\n\n${table}\n\n${end}`,
  );
}

/** The rows of the table on a page, each as its cells, without the spaces that a formatter puts in. */
export function failureRowsOn(page: string): readonly string[] {
  const [, table = ''] = /<!-- failures:start -->([\s\S]*)<!-- failures:end -->/.exec(page) ?? [];
  return table
    .trim()
    .split('\n')
    .map((row) => row.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---'));
}

// --- internal ---

function cellsOf({ matches, verdict, isTransient, unsent, meaning }: HttpFailure): string[] {
  const names = matches.map((match) => `\`${match}\``).join(', ');
  return [names, verdict, isTransient ? 'yes' : 'no', unsent === 'connecting' ? 'while connecting' : unsent, meaning];
}

if (process.argv[1] === import.meta.filename) {
  const path = inRepository(clientsPage);
  writeFileSync(path, withFailureTable(readFileSync(path, 'utf8')));
}
