/**
 * Counts the tests of a vitest run from its JSON report.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/**
 * Returns the number of passed and failed tests. A file that does not load counts as a failed test; so does a run
 * that ended badly without one (a crash, an unhandled error, the time limit) and a run without any test.
 */
export function countTests(reportFile: string, endedWell: boolean): { passed: number; failed: number } {
  const report = read(reportFile);
  if (report === undefined) return { passed: 0, failed: 1 };

  const notLoaded = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + notLoaded.length;
  if (failed === 0 && (!endedWell || passed === 0)) return { passed, failed: 1 };
  return { passed, failed };
}

function read(file: string): Report | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return undefined; // cut off by the time limit
  }
}
