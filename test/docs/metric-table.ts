/**
 * The metric table of the Prometheus page, generated from the table that drives the exporter.
 * `npm run dashboard` writes it between the markers of docs/packages/prometheus.md.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { metricDescriptions, prometheusDefaults } from '@holdfast/prometheus';

import { inRepository } from '../repository.ts';

const start = '<!-- metrics:start -->';
const end = '<!-- metrics:end -->';

/** The page that holds the table, from the top of the repository. */
export const metricPage = 'docs/packages/prometheus.md';

/** Returns the table in Markdown. */
export function metricTable(): string {
  return [
    '| metric | type | labels | unit | over processes | meaning |',
    '| --- | --- | --- | --- | --- | --- |',
    ...metricDescriptions.map(({ name, type, labels, unit, aggregator, help }) => {
      const cells = [code(prometheusDefaults.prefix + name), type, labels.map(code).join(', '), unit, aggregator, help];
      return `| ${cells.join(' | ')} |`;
    }),
  ].join('\n');
}

/** Returns what is between the markers of `page`; undefined when it has none. */
export function metricTableIn(page: string): string | undefined {
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  return from < 0 || to < from ? undefined : page.slice(from + start.length, to).trim();
}

/** Returns the page with the table as it is now. */
export function pageWithMetricTable(): string {
  const page = readFileSync(inRepository(metricPage), 'utf8');
  if (metricTableIn(page) === undefined) throw new Error(`${metricPage} has no ${start} and ${end}`);
  const head = page.slice(0, page.indexOf(start) + start.length);
  return `${head}\n\n${metricTable()}\n\n${page.slice(page.indexOf(end))}`;
}

// --- internal ---

function code(text: string): string {
  return `\`${text}\``;
}
