/**
 * The one command: runs every check of the repository and ends with `N passed, N failed`.
 *
 *   npm run check                      everything
 *   npm run check -- --filter=core     lint, types and unit tests of one workspace
 *   npm run check -- --only=lint,tests some steps
 *
 * @module
 */

import { UsageError, commandLineOf, namesFlag, orEnd, textFlag } from './check/command-line.ts';
import { runStep } from './check/run-step.ts';
import { allSteps, lanesOf, stepsOfWorkspace, type Step } from './check/steps.ts';
import { packageNames } from './repository.ts';

const workspaces = `${packageNames().join(', ')}, storefront, docs`;
const program = {
  command: 'npm run check --',
  purpose: 'Runs every check of the repository and ends with `N passed, N failed`; fails where one has failed.',
  flags: {
    filter: textFlag('NAME', `lint, types and unit tests of one workspace, of ${workspaces}; everything without it`),
    only: namesFlag(
      'some steps, all of them without it',
      allSteps.map(({ name }) => name),
    ),
  },
  examples: ['npm run check -- --filter=core', 'npm run check -- --only=format,lint'],
};

const { values } = commandLineOf(program);
process.exitCode = await check(orEnd(program, () => selectSteps(values)));

/** Which steps to run. */
interface Selection {
  readonly filter: string | undefined;
  readonly only: readonly string[] | undefined;
}

async function check(steps: readonly Step[]): Promise<number> {
  const startedAt = Date.now();
  let passed = 0;
  let failed = 0;
  const failures: string[] = [];

  const run = async (lane: readonly Step[]): Promise<void> => {
    for (const step of lane) {
      const result = await runStep(step);
      passed += result.passed;
      failed += result.failed;
      if (result.failed > 0) failures.push(step.name);
    }
  };
  for (const lanes of lanesOf(steps)) await Promise.all(lanes.map(run));

  console.log(`\n${failures.length > 0 ? `failed: ${failures.join(', ')}; ` : ''}took ${seconds(startedAt)} s`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

function selectSteps({ filter, only }: Selection): readonly Step[] {
  const steps = filter === undefined ? allSteps : stepsOfWorkspace(filter);
  if (steps === undefined) throw new UsageError(`--filter must be one of ${workspaces}, got ${JSON.stringify(filter)}`);
  if (only === undefined) return steps;

  const missing = only.filter((name) => steps.every((step) => step.name !== name));
  if (missing.length === 0) return steps.filter(({ name }) => only.includes(name));
  throw new UsageError(`--filter=${filter} has ${steps.map(({ name }) => name).join(', ')}, not ${missing.join(', ')}`);
}

function seconds(since: number): number {
  return Math.round((Date.now() - since) / 1000);
}
