/**
 * Counts the tests of a vitest run from its JSON report.
 *
 * Invariants
 *  (1) What did not run is never counted as passed.
 *  (2) A test to do fails, and so does a file all of whose tests were skipped: each looks like a check and is none.
 *  (3) What failed is named, so that it is known from the last lines of the output.
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
  /** What failed, a line each: tests, files that did not load, and what vitest was content with. */
  readonly complaints: readonly string[];
}

/**
 * Returns the number of passed and failed tests. A file that does not load counts as a failed test; so does a run
 * that ended badly without one (a crash, an unhandled error, the time limit) and a run without any test.
 */
export function countTests(reportFile: string, endedWell: boolean): TestCount {
  const report = read(reportFile);
  if (report === undefined) return { passed: 0, failed: 1, skipped: [], complaints: [noReport] };

  const notLoaded = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const empty = report.testResults.flatMap(emptyChecksOf); // (2)
  const skipped = report.testResults.flatMap((file) => namesOf(file, isSkipped)); // (1)
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + notLoaded.length + empty.length;
  const complaints = [...report.testResults.flatMap(failuresOf), ...notLoaded.map(notLoadedLine), ...empty]; // (3)
  if (failed === 0 && (!endedWell || passed === 0)) {
    return { passed, failed: 1, skipped, complaints: [...complaints, passed === 0 ? noTest : badEnd] };
  }
  return { passed, failed, skipped, complaints };
}

// --- internal ---

const noReport = 'it left no report';
const noTest = 'no test ran';
const badEnd = 'no test failed, and yet it ended badly: an error that nobody caught, or its time limit';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly FileResult[];
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  /** Why it did not load, where it did not. */
  readonly message?: string;
  readonly assertionResults: readonly TestResult[];
}

interface TestResult {
  readonly status: string;
  readonly fullName: string;
  readonly failureMessages?: readonly string[];
}

function failuresOf(file: FileResult): string[] {
  return file.assertionResults
    .filter(({ status }) => status === 'failed')
    .map(
      ({ fullName, failureMessages }) => `failed: ${pathOf(file)}: ${fullName}: ${firstLineOf(failureMessages?.[0])}`,
    );
}

function notLoadedLine(file: FileResult): string {
  return `not loaded: ${pathOf(file)}: ${firstLineOf(file.message)}`;
}

function firstLineOf(text: string | undefined): string {
  return text?.trim().split('\n')[0] ?? 'no message';
}

function emptyChecksOf(file: FileResult): string[] {
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
