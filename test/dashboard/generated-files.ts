/**
 * Generated files: what is made of the metric table and checked in, and where.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';

import { generatedTables, pageWithTable } from '../docs/metric-table.ts';
import { inRepository } from '../repository.ts';
import { alertPage } from './alert-page.ts';
import { grafanaDashboard } from './grafana-dashboard.ts';
import { alertFile, recordingFile } from './rules-file.ts';

/** A file and what it must hold, before it is formatted. */
export interface GeneratedFile {
  /** From the top of the repository. */
  readonly path: string;
  readonly content: string;
}

/** Returns all of them. */
export function generatedFiles(): readonly GeneratedFile[] {
  return [
    { path: 'packages/prometheus/dashboards/holdfast.json', content: grafanaDashboard() },
    { path: 'packages/prometheus/rules/holdfast-recording.yaml', content: recordingFile() },
    { path: 'packages/prometheus/rules/holdfast-alerts.yaml', content: alertFile() },
    { path: 'docs/guides/alerts.md', content: alertPage() },
    ...generatedTables.map((table) => ({ path: table.page, content: pageWithTable(table) })),
  ];
}

/** Returns the content as the formatter leaves it. */
export function formatted({ path, content }: GeneratedFile): string {
  const oxfmt = inRepository('node_modules/.bin/oxfmt');
  return execFileSync(oxfmt, [`--stdin-filepath=${inRepository(path)}`], {
    input: content,
    encoding: 'utf8',
    cwd: inRepository('.'),
  });
}
