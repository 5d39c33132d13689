/**
 * Runs the long suites: `npm run test:long -- [--only NAME,...]`. Ends with `N passed, N failed`.
 *
 * @module
 */

import { commandLineOf, namesFlag } from '../check/command-line.ts';
import { runStep } from '../check/run-step.ts';
import { longSuites } from './suites.ts';

const { values } = commandLineOf({
  command: 'npm run test:long --',
  purpose: 'Runs what takes too long for every check, and ends with `N passed, N failed`; fails where one has failed.',
  flags: {
    only: namesFlag(
      'some suites, all of them without it',
      longSuites.map(({ name }) => name),
    ),
  },
  examples: ['npm run test:long', 'npm run test:long -- --only=soak'],
});
const startedAt = Date.now();
let passed = 0;
let failed = 0;

for (const suite of longSuites) {
  if (values.only?.includes(suite.name) === false) continue;
  const result = await runStep(suite);
  passed += result.passed;
  failed += result.failed;
}
console.log(`\ntook ${Math.round((Date.now() - startedAt) / 1000)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
