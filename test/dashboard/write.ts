/**
 * Writes the dashboard, the rules and the page of alerts.
 *
 *   npm run dashboard
 *
 * @module
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { inRepository } from '../repository.ts';
import { formatted, generatedFiles } from './generated-files.ts';

for (const file of generatedFiles()) {
  mkdirSync(dirname(inRepository(file.path)), { recursive: true });
  writeFileSync(inRepository(file.path), formatted(file));
}
