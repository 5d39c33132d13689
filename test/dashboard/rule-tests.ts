/**
 * Rule tests: the unit tests of the alerts as promtool runs them: each fires on one example and rests on another.
 *
 * @module
 */

import type { Alert, AlertExample } from './alert.ts';
import { alerts } from './alerts.ts';
import { annotationsOf, text } from './rules-file.ts';

/** Returns the test file for rules in files of those names. */
export function ruleTestFile(ruleFiles: readonly string[]): string {
  const files = ruleFiles.map((file) => `  - ${text(file)}\n`).join('');
  return `rule_files:\n${files}evaluation_interval: 1m\ntests:\n${alerts.flatMap(testsOf).join('')}`;
}

// --- internal ---

function testsOf(alert: Alert): readonly string[] {
  return [testOf(alert, alert.fires, expectationOf(alert)), testOf(alert, alert.rests, '          exp_alerts: []\n')];
}

function testOf({ name }: Alert, { series, at }: AlertExample, expected: string): string {
  const inputs = series.map(
    (input) => `      - series: ${text(input.series)}\n        values: ${text(input.values)}\n`,
  );
  const check = `      - eval_time: ${at}\n        alertname: ${name}\n${expected.replaceAll(/^ {2}/gm, '')}`;
  return `  - interval: 1m\n    input_series:\n${inputs.join('')}    alert_rule_test:\n${check}`;
}

function expectationOf(alert: Alert): string {
  const labels = { severity: alert.severity, ...alert.fires.labels };
  const filled = Object.entries(annotationsOf(alert)).map(([name, value]) => [name, fill(value, alert)] as const);
  return [
    '          exp_alerts:',
    '            - exp_labels:',
    ...Object.entries(labels).map(([name, value]) => `                ${name}: ${text(value)}`),
    '              exp_annotations:',
    ...filled.map(([name, value]) => `                ${name}: ${text(value)}`),
    '',
  ].join('\n');
}

/** Puts labels and the value into a text as Prometheus does. */
function fill(template: string, { fires }: Alert): string {
  return template
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_whole, label: string) => fires.labels[label] ?? '')
    .replaceAll('{{ $value | humanize }}', fires.value ?? '');
}
