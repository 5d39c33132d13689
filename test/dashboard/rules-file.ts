/**
 * Rules file: the rules as Prometheus loads them. Every string is written as in JSON, which is YAML as well.
 *
 * @module
 */

import type { Alert } from './alert.ts';
import { alerts } from './alerts.ts';
import { recordingRules } from './recording-rules.ts';

const runbook = 'docs/guides/alerts.md';

/** Returns the recording rules. */
export function recordingFile(): string {
  const rules = recordingRules.map(({ record, expr }) => `      - record: ${record}\n        expr: ${text(expr)}\n`);
  return `${head}groups:\n  - name: holdfast-recording\n    rules:\n${rules.join('')}`;
}

/** Returns the alerts. */
export function alertFile(): string {
  return `${head}groups:\n  - name: holdfast-alerts\n    rules:\n${alerts.map(ruleOf).join('')}`;
}

/** What an alert is annotated with: one line, and where to read on. */
export function annotationsOf({ name, summary }: Alert): { readonly summary: string; readonly runbook: string } {
  return { summary, runbook: `${runbook}#${name.toLowerCase()}` };
}

/** Writes a string. */
export function text(value: string): string {
  return JSON.stringify(value);
}

// --- internal ---

const head = '# Made by `npm run dashboard` of the metric table. Needs holdfast-recording.yaml beside it.\n';

function ruleOf(alert: Alert): string {
  const { summary, runbook: link } = annotationsOf(alert);
  return [
    `      - alert: ${alert.name}`,
    `        expr: ${text(alert.expr)}`,
    `        for: ${alert.for}`,
    '        labels:',
    `          severity: ${alert.severity}`,
    '        annotations:',
    `          summary: ${text(summary)}`,
    `          runbook: ${text(link)}`,
    '',
  ].join('\n');
}
