/**
 * The tables of metrics in the pages of the exporters, generated from the table that drives them.
 * `npm run dashboard` writes them between the markers of docs/packages/prometheus.md and docs/packages/opentelemetry.md.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { createRegistry } from '@holdfast/core';
import { metricTable } from '@holdfast/metrics';
import { exportMetrics } from '@holdfast/opentelemetry';
import { metricDescriptions, prometheusDefaults } from '@holdfast/prometheus';
import { type Meter, type MetricOptions, createNoopMeter } from '@opentelemetry/api';

import { inRepository } from '../repository.ts';

const start = '<!-- metrics:start -->';
const end = '<!-- metrics:end -->';

/** A table that is made, and the page that holds it. */
interface GeneratedTable {
  /** From the top of the repository. */
  readonly page: string;
  /** Returns it in Markdown. */
  readonly table: () => string;
}

/** All of them. */
export const generatedTables: readonly GeneratedTable[] = [
  { page: 'docs/packages/prometheus.md', table: prometheusTable },
  { page: 'docs/packages/opentelemetry.md', table: instrumentTable },
];

/** Returns what is between the markers of `page`; undefined when it has none. */
export function metricTableIn(page: string): string | undefined {
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  return from < 0 || to < from ? undefined : page.slice(from + start.length, to).trim();
}

/** Returns a page with its table as it is now. */
export function pageWithTable({ page, table }: GeneratedTable): string {
  const text = readFileSync(inRepository(page), 'utf8');
  if (metricTableIn(text) === undefined) throw new Error(`${page} has no ${start} and ${end}`);
  const head = text.slice(0, text.indexOf(start) + start.length);
  return `${head}\n\n${table()}\n\n${text.slice(text.indexOf(end))}`;
}

// --- internal ---

function prometheusTable(): string {
  return [
    '| metric | type | labels | unit | over processes | meaning |',
    '| --- | --- | --- | --- | --- | --- |',
    ...metricDescriptions.map(({ name, type, labels, unit, aggregator, help }) => {
      const cells = [code(prometheusDefaults.prefix + name), type, labels.map(code).join(', '), unit, aggregator, help];
      return `| ${cells.join(' | ')} |`;
    }),
  ].join('\n');
}

/** The instruments that the exporter makes, beside the metrics that they show, which come in the same order. */
function instrumentTable(): string {
  const made = instrumentsMade();
  const rows = metricTable.flatMap(({ name, type }) => {
    if (name === 'call_duration_seconds') return [['holdfast.call.duration', 'histogram', 's', name]];
    const parts = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    return parts.map((part) => [...(made.shift() ?? []), `${name}${part}`]);
  });
  if (made.length > 0) throw new Error(`instruments that show no metric: ${made.join(' ')}`);
  return [
    '| instrument | kind | unit | metric of Prometheus |',
    '| --- | --- | --- | --- |',
    ...rows.map(([instrument = '', kind = '', unit = '', metric = '']) => {
      const full = code(prometheusDefaults.prefix + metric);
      return `| ${code(instrument)} | ${kind} | ${unit === '' ? '' : code(unit)} | ${full} |`;
    }),
  ].join('\n');
}

/** Name, kind and unit of every instrument that is read, in the order in which they are made. */
function instrumentsMade(): string[][] {
  const noop = createNoopMeter();
  const made: string[][] = [];
  const noting =
    (kind: string) =>
    (name: string, options?: MetricOptions): never => {
      made.push([name, kind, options?.unit ?? '']);
      return noop.createObservableGauge(name) as never;
    };
  const meter: Meter = Object.assign(Object.create(noop) as Meter, {
    createObservableGauge: noting('gauge'),
    createObservableCounter: noting('counter'),
    createObservableUpDownCounter: noting('up-down counter'),
  });
  exportMetrics({ registry: createRegistry(), meterProvider: { getMeter: () => meter } }).close();
  return made;
}

function code(text: string): string {
  return `\`${text}\``;
}
