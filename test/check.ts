/**
 * The one command: runs every check of the repository and ends with `N passed, N failed`.
 *
 *   npm run check                      everything
 *   npm run check -- --filter=core     lint, types and unit tests of one workspace
 *   npm run check -- --only=lint,tests some steps
 *
 * @module
 */

import { parseArgs } from 'node:util';

import { allSteps, stepsOfWorkspace, type Step } from './check/steps.ts';
import { runStep } from './check/run-step.ts';

const { values } = parseArgs({ options: { filter: { type: 'string' }, only: { type: 'string' } } });
process.exitCode = await check(selectSteps(values));

async function check(steps: readonly Step[]): Promise<number> {
  const startedAt = Date.now();
  let passed = 0;
  let failed = 0;
  const failures: string[] = [];

  for (const step of steps) {
    const result = await runStep(step);
    passed += result.passed;
    failed += result.failed;
    if (result.failed > 0) failures.push(step.name);
  }

  console.log(`\n${failures.length > 0 ? `failed: ${failures.join(', ')}; ` : ''}took ${seconds(startedAt)} s`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

function selectSteps({ filter, only }: { filter?: string | undefined; only?: string | undefined }): readonly Step[] {
  const steps = filter === undefined ? allSteps : stepsOfWorkspace(filter);
  if (only === undefined) return steps;

  const names = only.split(',');
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    throw new RangeError(`unknown step ${unknown.join(', ')}; there are ${steps.map(({ name }) => name).join(', ')}`);
  }
  return steps.filter((step) => names.includes(step.name));
}

function seconds(since: number): number {
  return Math.round((Date.now() - since) / 1000);
}
