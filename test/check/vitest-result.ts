/**
 * Counts the tests of a vitest run from its JSON report.
 *
 * Invariants
 *  (1) What did not run is never counted as passed.
 *  (2) A test to do fails, and so does a file all of whose tests were skipped: each looks like a check and is none.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

import { repository } from '../repository.ts';

/** What a run came to. */
export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  /** Names of the tests that were skipped, each after its file. */
  readonly skipped: readonly string[];
  /** What failed though vitest was content with it, as sentences. */
  readonly complaints: readonly string[];
}

/**
 * Returns the number of passed and failed tests. A file that does not load counts as a failed test; so does a run
 * that ended badly without one (a crash, an unhandled error, the time limit) and a run without any test.
 */
export function countTests(reportFile: string, endedWell: boolean): TestCount {
  const report = read(reportFile);
  if (report === undefined) return { passed: 0, failed: 1, skipped: [], complaints: [] };

  const notLoaded = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const complaints = report.testResults.flatMap(complaintsOf); // (2)
  const skipped = report.testResults.flatMap((file) => namesOf(file, isSkipped)); // (1)
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + notLoaded.length + complaints.length;
  if (failed === 0 && (!endedWell || passed === 0)) return { passed, failed: 1, skipped, complaints };
  return { passed, failed, skipped, complaints };
}

// --- internal ---

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly FileResult[];
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly TestResult[];
}

interface TestResult {
  readonly status: string;
  readonly fullName: string;
}

function complaintsOf(file: FileResult): string[] {
  const tests = file.assertionResults;
  const isAllSkipped = tests.length > 0 && tests.every(isSkipped);
  return [
    ...namesOf(file, ({ status }) => status === 'todo').map((name) => `to do: ${name}`),
    ...(isAllSkipped ? [`all skipped: ${pathOf(file)}`] : []),
  ];
}

function isSkipped({ status }: TestResult): boolean {
  return status !== 'passed' && status !== 'failed' && status !== 'todo';
}

function namesOf(file: FileResult, isWanted: (test: TestResult) => boolean): string[] {
  return file.assertionResults.filter(isWanted).map(({ fullName }) => `${pathOf(file)}: ${fullName}`);
}

function pathOf({ name }: FileResult): string {
  return relative(repository, name);
}

function read(file: string): Report | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return undefined; // cut off by the time limit
  }
}
