import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { describe, expect, it, onTestFinished } from 'vitest';

import { repository } from '../repository.ts';
import { type TestCount, countTests } from './vitest-result.ts';

const file = (name: string, ...statuses: readonly string[]) => ({
  name: `${repository}/test/${name}.test.ts`,
  status: statuses.includes('failed') ? 'failed' : 'passed',
  assertionResults: statuses.map((status, index): { status: string; fullName: string; failureMessages?: string[] } => ({
    status,
    fullName: `${name} ${index}`,
  })),
});

function count(files: readonly ReturnType<typeof file>[], endedWell = true): TestCount {
  const all = files.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  const countOf = (status: string) => all.filter((other) => other === status).length;
  const report = { numPassedTests: countOf('passed'), numFailedTests: countOf('failed'), testResults: files };
  return countTests(written(JSON.stringify(report)), endedWell);
}

function written(text: string): string {
  const folder = mkdtempSync(`${tmpdir()}/vitest-result-`);
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/tests.json`, text);
  return `${folder}/tests.json`;
}

describe('the count of a vitest run', () => {
  it('is of passed and failed tests', () => {
    const report = [file('a', 'passed', 'passed', 'failed'), file('b', 'passed')];

    expect(count(report, false)).toMatchObject({ passed: 3, failed: 1, skipped: [] });
  });

  it('(3) names what failed and what did not load, with the first line of why', () => {
    const failed = file('a', 'passed', 'failed');
    failed.assertionResults[1]!.failureMessages = ['Error: not so\n    at here'];
    const notLoaded = { ...file('b'), status: 'failed', message: 'no such module\n    at there' };

    expect(count([failed, notLoaded, file('c', 'failed', 'todo')]).complaints).toEqual([
      'failed: test/a.test.ts: a 1: Error: not so',
      'failed: test/c.test.ts: c 0: no message',
      'not loaded: test/b.test.ts: no such module',
      'to do: test/c.test.ts: c 1',
    ]);
  });

  it.each(['skipped', 'pending', 'disabled'])(
    '(1) names tests that are %s, and does not fail for one of several',
    (status) => {
      expect(count([file('a', 'passed', status)])).toEqual({
        passed: 1,
        failed: 0,
        skipped: ['test/a.test.ts: a 1'],
        complaints: [],
      });
    },
  );

  it('(2) fails for a file all of whose tests were skipped', () => {
    expect(count([file('a', 'passed'), file('b', 'skipped', 'pending')])).toMatchObject({
      passed: 1,
      failed: 1,
      complaints: ['all skipped: test/b.test.ts'],
    });
  });

  it('(2) fails for each test to do', () => {
    expect(count([file('a', 'passed', 'todo', 'todo')])).toMatchObject({
      passed: 1,
      failed: 2,
      skipped: [],
      complaints: ['to do: test/a.test.ts: a 1', 'to do: test/a.test.ts: a 2'],
    });
  });

  it('fails for a file that did not load, a run that ended badly, and one without tests', () => {
    expect(count([file('a', 'passed'), { ...file('b'), status: 'failed' }])).toMatchObject({ passed: 1, failed: 1 });
    expect(count([file('a', 'passed')], false)).toMatchObject({
      passed: 1,
      failed: 1,
      complaints: [expect.stringContaining('ended badly')],
    });
    expect(count([])).toMatchObject({ passed: 0, failed: 1, complaints: ['no test ran'] });
  });

  it('fails without a report, and with half of one', () => {
    expect(countTests('/nowhere/tests.json', true)).toMatchObject({
      passed: 0,
      failed: 1,
      complaints: ['it left no report'],
    });
    expect(countTests(written('{"numPassedTests": 3,'), true)).toMatchObject({ passed: 0, failed: 1 });
  });
});
