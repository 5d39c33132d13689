/**
 * Writes the dashboard, the rules, the page of alerts and the tables of metrics.
 *
 *   npm run dashboard
 *
 * @module
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { commandLineOf } from '../check/command-line.ts';
import { inRepository } from '../repository.ts';
import { formatted, generatedFiles } from './generated-files.ts';

commandLineOf({
  command: 'npm run dashboard --',
  purpose:
    'Writes what is made of the table of metrics: the dashboard, the rules, the page of alerts, the tables on the pages.',
  flags: {},
  examples: ['npm run dashboard'],
});
for (const file of generatedFiles()) {
  mkdirSync(dirname(inRepository(file.path)), { recursive: true });
  writeFileSync(inRepository(file.path), formatted(file));
}
