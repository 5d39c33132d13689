/**
 * Alert page: for whoever is woken: what each alert means and what to do.
 *
 * @module
 */

import type { Alert } from './alert.ts';
import { alerts } from './alerts.ts';
import { recordingRules } from './recording-rules.ts';

/** Returns the page in Markdown. */
export function alertPage(): string {
  return `${head}\n${alerts.map(sectionOf).join('\n')}\n${recorded()}`;
}

// --- internal ---

const head = `<!-- Made by \`npm run dashboard\`; change test/dashboard/*-alerts.ts. -->

# Alerts

What each alert means, and what to do. The rules are in \`packages/prometheus/rules\` and come with the package; each of them is
tried by promtool: it fires on one example, and rests on another.

\`\`\`yaml
# prometheus.yml
rule_files:
  - node_modules/@holdfast/prometheus/rules/holdfast-recording.yaml
  - node_modules/@holdfast/prometheus/rules/holdfast-alerts.yaml
\`\`\`

\`page\` is meant to wake somebody, \`ticket\` to wait for the morning. Behind a fallback everything looks well from the outside: that
is what the alerts on circuits are for.

| alert | severity | it says |
| --- | --- | --- |
${alerts.map(({ name, severity, summary }) => `| [${name}](#${name.toLowerCase()}) | ${severity} | ${plain(summary)} |`).join('\n')}
`;

function sectionOf({ name, expr, for: forTime, severity, meaning, steps }: Alert): string {
  const list = steps.map((step, at) => `${at + 1}. ${step}`).join('\n');
  const query = `\`\`\`promql\n${expr}\n\`\`\``;
  const time = forTime === '0s' ? 'as soon as it is so' : `after ${forTime}`;
  return `## ${name}\n\n${query}\n\nSeverity \`${severity}\`, ${time}.\n\n${meaning}\n\n${list}\n`;
}

function recorded(): string {
  const rows = recordingRules.map(({ record, expr }) => `| \`${record}\` | \`${expr}\` |`).join('\n');
  return `## Recording rules\n\n| series | made of |\n| --- | --- |\n${rows}\n`;
}

/** A summary without the braces of templates. */
function plain(summary: string): string {
  return summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '`$1`').replaceAll('{{ $value | humanize }}', '`value`');
}
