/**
 * promtool accepts the rules, and each alert fires and rests when it should.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';

import { inRepository } from '../repository.ts';
import { alerts } from './alerts.ts';
import { type Program, getProgram } from './prometheus-programs.ts';
import { ruleTestFile } from './rule-tests.ts';

const rules = ['holdfast-recording.yaml', 'holdfast-alerts.yaml'].map((file) =>
  inRepository(`packages/prometheus/rules/${file}`),
);
const folder = mkdtempSync(`${tmpdir()}/holdfast-rules-`);
let promtool: Program;

beforeAll(() => {
  promtool = getProgram('promtool');
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run({ skip }: TestContext, args: readonly string[]): { status: number | null; output: string } {
  if (promtool.path === undefined) return skip(promtool.whyNot);
  const { status, stdout, stderr } = spawnSync(promtool.path, args, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('the rules', () => {
  it('are accepted by promtool', (context) => {
    const { status, output } = run(context, ['check', 'rules', ...rules]);

    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toContain(`${alerts.length} rules found`);
  });

  it('fire on their examples, and rest on the others', (context) => {
    writeFileSync(`${folder}/tests.yaml`, ruleTestFile(rules));

    expect(run(context, ['test', 'rules', `${folder}/tests.yaml`])).toMatchObject({ status: 0 });
  });

  it('the tests notice an alert that never fires', (context) => {
    writeFileSync(`${folder}/broken.yaml`, ruleTestFile(rules).replaceAll('"1 0 1 0 1 0"', '"0 0 0 0 0 0"').replaceAll('"0 1 0 1 0 1"', '"0 0 0 0 0 0"')); // prettier-ignore

    expect(run(context, ['test', 'rules', `${folder}/broken.yaml`])).toMatchObject({ status: 1 });
  });
});
