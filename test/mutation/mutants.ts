/**
 * Mutants: small changes to the sources of core, each tried against the tests that reach it.
 *
 * @module
 */

import { Stryker } from '@stryker-mutator/core';

import { inRepository } from '../repository.ts';

/** A change, and what became of it. */
export interface Mutant {
  /** From the top of the repository. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Kind of change: `ConditionalExpression`, ... */
  readonly mutator: string;
  /** What stands in the source's place. */
  readonly replacement: string;
  readonly status: 'killed' | 'timed-out' | 'survived' | 'uncovered' | 'other';
}

/** How to try mutants. */
export interface MutationPlan {
  /** Tests to run, as globs from the top of the repository. */
  readonly tests: readonly string[];
  readonly concurrency: number;
}

/** Tries all mutants of `sources`, paths from the top of the repository, in a copy of the repository. */
export async function tryMutants(
  sources: readonly string[],
  { tests, concurrency }: MutationPlan,
): Promise<readonly Mutant[]> {
  process.env['HOLDFAST_MUTATION_TESTS'] = tests.join(','); // read by vitest.config.ts, in a process of Stryker's
  process.chdir(inRepository(''));
  const results = await new Stryker({ ...options, mutate: [...sources], concurrency }).runMutationTest();
  return results.map(({ fileName, location, mutatorName, replacement, status }) => ({
    file: fileName.replaceAll('\\', '/').replace(/^.*\/(?=packages\/core\/src\/)/, ''),
    line: location.start.line,
    column: location.start.column,
    mutator: mutatorName,
    replacement: replacement ?? '',
    status: statuses[status] ?? 'other',
  }));
}

// --- internal ---

type Settings = ConstructorParameters<typeof Stryker>[0] & { readonly vitest: object };

const statuses: Readonly<Record<string, Mutant['status']>> = {
  Killed: 'killed',
  Timeout: 'timed-out',
  Survived: 'survived',
  NoCoverage: 'uncovered',
};

const options: Settings = {
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: true },
  coverageAnalysis: 'perTest',
  tempDirName: '.cache/stryker',
  cleanTempDir: 'always',
  // The copy holds core and the set-up of its tests. Without tsconfig files: they refer to what is not copied, and
  // Stryker reads them with an API that TypeScript 7 does not have.
  ignorePatterns: [
    '/*',
    '!/packages',
    '/packages/*',
    '!/packages/core',
    '/packages/core/dist',
    '!/test',
    '/test/*',
    '!/test/mutation',
    '!/package.json',
    'tsconfig.json',
  ],
  tsconfigFile: 'none.json',
  disableTypeChecks: false,
  reporters: ['progress-append-only'],
  timeoutMS: 3500,
  allowConsoleColors: false,
  warnings: false,
};
